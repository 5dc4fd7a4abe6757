"""A helper process in an interpreter of its own, asked over a socket pair, one JSON at a time.

It is started afresh, not forked: the caller has threads, and secrets in its memory.
"""

import json
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pipeline_steps

ROOT = Path(pipeline_steps.__file__).parents[1]
# -P, -s and -S: only the standard library, and this package behind it, is on the path.
# The hash seed is fixed, so that the order of a set does not change between two runs.
COMMAND = (sys.executable, "-P", "-s", "-S", "-c")
BOOT = """
import importlib, sys
sys.path.append(sys.argv.pop(1))
importlib.import_module(sys.argv.pop(1)).main()
"""
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
OVERHEAD = 10.0  # seconds beyond the work's own limit after which a process counts as lost


class Trouble(Exception):
    """The process cannot do its work now, and says why; it may be asked again."""


class Lost(Trouble):
    """The process ended or hangs; a fresh one may be asked again."""


class Child:
    """A process that runs `main()` of a module, given a file descriptor and `arguments`."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it."""
        here, there = socket.socketpair()
        with there:
            self._process = subprocess.Popen(
                [*COMMAND, BOOT, str(ROOT), module, str(there.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                env=ENVIRONMENT,
            )
        self._connection = Connection(here.detach())

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the answer.

        Raises:
            Trouble: the process answers {trouble}.
            Lost: there was no answer within `seconds` and OVERHEAD.
        """
        answer = self._ask(request, seconds)
        if "trouble" in answer:
            raise Trouble(answer["trouble"])
        return answer

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            self._connection.send_bytes(json.dumps(request).encode())
            if self._connection.poll(seconds + OVERHEAD):
                return dict(json.loads(self._connection.recv_bytes()))
        except (OSError, EOFError) as error:
            raise Lost("the process ended") from error
        raise Lost("the process hangs")

    def end(self) -> None:
        """Kill the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
