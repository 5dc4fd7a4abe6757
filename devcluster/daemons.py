"""Start programs and watch them come up: one that dies at once is an error, not a long wait."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

from devcluster import files, processes
from devcluster.layout import DevClusterError
from devcluster.processes import Process
from devcluster.programs.program import Program
from devcluster.progress import wait_until

# The user's PATH may lack the sbin folders, and programs call iptables, conntrack, runc, mount.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONPATH": str(Path(__file__).parent.parent),
}
LOG_LIMIT = 32 << 20  # bytes; a longer log is begun anew at the next start


class Daemons:
    """What this process has started in the folder `state`, with logs in `logs`."""

    def __init__(self, state: Path, logs: Path) -> None:
        self.state = state
        self.logs = logs
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def ensure(self, program: Program, running: list[Process]) -> None:
        """Leave the program alone when it runs as it should; else (re)start it."""
        same_name = [p for p in running if p.name == program.name]
        if [p.argv for p in same_name] == [program.argv] and program.files_are_current():
            return
        processes.stop(same_name)
        self.start(program)

    def start(self, program: Program) -> None:
        """Write its files and start it, in a session of its own: it outlives the terminal."""
        for path, text in program.files.items():
            files.write(path, text)
        for path in program.in_the_way:
            path.unlink(missing_ok=True)
        with self._log(program.name) as log:
            self.started[program.name] = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.state,
                env={**os.environ, **ENVIRONMENT},
                start_new_session=True,
            )

    def wait(self, what: str, check: Callable[[], bool], seconds: float) -> None:
        """Wait until `check` holds. Raises DevClusterError when time is up or a program ends."""

        def checked() -> bool:
            self._raise_if_ended()
            return check()

        wait_until(what, checked, seconds=seconds, hint=f"The logs are in {self.logs}")

    def stop(self) -> None:
        """Kill what was started and wait until it is gone."""
        for daemon in self.started.values():
            daemon.kill()
        for daemon in self.started.values():
            daemon.wait()

    def _raise_if_ended(self) -> None:
        for name, daemon in self.started.items():
            if (status := daemon.poll()) is not None:
                said = (self.logs / f"{name}.log").read_text(errors="replace")[-1500:]
                raise DevClusterError(f"{name} ended with {status}; the end of its log:\n{said}")

    def _log(self, name: str) -> IO[bytes]:
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{name}.log"
        long = path.exists() and path.stat().st_size > LOG_LIMIT
        return path.open("wb" if long else "ab")
