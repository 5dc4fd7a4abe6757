"""One candidate seen from outside: its pipes, its limits, and how it ended.

The worker forks, so that the interpreter is warm, and from then on trusts nothing that the child
does. It reads records from one pipe and output from another, and looks every TICK at the clock, the
memory of the process tree and the candidate's folder. The first wall that is hit is the outcome.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from pipeline_steps.sandbox import candidate, family, frames, jail
from pipeline_steps.sandbox.candidate import Call
from pipeline_steps.sandbox.wire import Limits

TICK = 0.02  # seconds between two looks at memory and files
GRACE = 0.2  # seconds that a process which closed its channel has to end
CHUNK = 65536  # bytes read at once
FOLDER_BYTES, FOLDER_FILES = 16 * 2**20, 256  # what a candidate may leave in its folder
TAIL = 2000  # bytes of output that are reported

OK = "OK"
COMPILE_ERROR, RUNTIME_ERROR = "COMPILE_ERROR", "RUNTIME_ERROR"
TIME_LIMIT, MEMORY_LIMIT, OUTPUT_LIMIT = "TIME_LIMIT", "MEMORY_LIMIT", "OUTPUT_LIMIT"
PROTOCOL_VIOLATION = "PROTOCOL_VIOLATION"


class Execution:
    """A candidate's process from fork to the last sweep; use it as a context."""

    def __init__(self, code: str, limits: Limits, scratch: Path, calls: list[Call]):
        """Fork a process that loads `code` and makes `calls`, and after them those of `call`."""
        self.outcome, self.detail = OK, ""
        self.records: list[frames.Record] = []  # jailed, how loading went, then one for each call
        self.seconds = 0.0  # that the candidate was waited for: what wall_seconds limits
        self._limits = limits
        self._folder = Path(tempfile.mkdtemp(prefix="run-", dir=scratch))
        nonce = secrets.token_hex(16)
        self._reader = frames.Reader(nonce)
        self._asked, self._tail = b"", b""
        self._printed = self._answered = 0  # bytes
        self._looked_at = 0.0  # when memory and folder were last looked at
        self._start(code, calls, nonce)

    def _start(self, code: str, calls: list[Call], nonce: str) -> None:
        requests, self._requests = os.pipe()
        self._result_end, results = os.pipe()
        self._output_end, output = os.pipe()
        self._open_ends = [self._result_end, self._output_end]
        self._pid = os.fork()
        if self._pid == 0:
            self._become_candidate(code, calls, nonce, (requests, results, output))
        for end in (requests, results, output):
            os.close(end)
        for end in (self._requests, *self._open_ends):
            os.set_blocking(end, False)

    def _become_candidate(
        self, code: str, calls: list[Call], nonce: str, ends: tuple[int, int, int]
    ) -> NoReturn:
        """Run the candidate, never return: the worker's code must not go on in its child."""
        try:
            requests, results = _keep_only(*ends)
            jail.enter(self._folder, self._limits)
            send = candidate.frames_to(results, nonce)
            send({"jailed": True})
            candidate.run(code, _every_call(calls, requests), send)
        except BaseException:
            traceback.print_exc()  # into the candidate's output
        finally:
            os._exit(0)

    def __enter__(self) -> "Execution":
        return self

    def __exit__(self, *error: object) -> None:
        """Kill what is left, and remove the folder and the pipes."""
        family.sweep()
        for end in (self._requests, self._result_end, self._output_end):
            os.close(end)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, entry_point: str, arguments: list[Any]) -> None:
        """Ask for one more call; its record is the next one."""
        self._asked += json.dumps([entry_point, arguments]).encode() + b"\n"

    @property
    def results(self) -> list[frames.Record]:
        """The records of the calls that were answered."""
        return self.records[2:]

    def wait_for_results(self, count: int) -> None:
        """Return when `count` calls were answered, or the candidate has ended or was stopped."""
        begun = time.monotonic() - self.seconds
        while self.outcome == OK and len(self.records) < 2 + count:
            self.look(TICK)
            self.seconds = time.monotonic() - begun

    def look(self, wait: float) -> None:
        """Move what can be moved within `wait` seconds, then check every limit."""
        asked = [self._requests] if self._asked else []
        readable, writable, _ = select.select(self._open_ends, asked, [], wait)
        if writable:
            self._write()
        for end in readable:
            self._read(end)
        if self.outcome == OK:
            self._check(time.monotonic())

    def finish(self) -> None:
        """Kill the candidate and read what it printed last."""
        family.sweep()
        while self._output_end in self._open_ends and self._printed <= self._limits.output_bytes:
            self._read(self._output_end)

    def report(self) -> dict[str, Any]:
        """Return what the judge is told."""
        return {
            "outcome": self.outcome,
            "detail": self.detail,
            "results": self.results,
            "output": self._tail.decode("utf-8", "replace"),
            "seconds": round(self.seconds, 4),
        }

    def _write(self) -> None:
        try:
            self._asked = self._asked[os.write(self._requests, self._asked) :]
        except BrokenPipeError:  # it closed its end: there is nobody to ask
            self._asked = b""

    def _read(self, end: int) -> None:
        data = os.read(end, CHUNK)
        if not data:
            self._open_ends.remove(end)
        elif end == self._output_end:
            self._printed += len(data)
            self._tail = (self._tail + data)[-TAIL:]
        else:
            self._answered += len(data)
        if max(self._printed, self._answered) > self._limits.output_bytes:
            self._stop(OUTPUT_LIMIT, f"more than {self._limits.output_bytes} bytes")
        elif end == self._result_end:
            self._take_results(data)

    def _take_results(self, data: bytes) -> None:
        had = len(self.records)
        try:
            self.records += self._reader.feed(data)
        except ValueError as error:
            self._stop(PROTOCOL_VIOLATION, f"wrote to the result channel: {error}")
        if had < 2 <= len(self.records):
            self._loaded(self.records[1])

    def _loaded(self, record: frames.Record) -> None:
        if "compile_error" in record:
            self._stop(COMPILE_ERROR, str(record["compile_error"]))
        elif "error" in record:
            ran_out = str(record["error"]).startswith("MemoryError")
            self._stop(MEMORY_LIMIT if ran_out else RUNTIME_ERROR, str(record["error"]))
        elif "loaded" not in record:
            self._stop(PROTOCOL_VIOLATION, "wrote to the result channel: a result before any call")

    def _check(self, now: float) -> None:
        if self._result_end not in self._open_ends:
            self._stop(*self._ending())
        elif self.seconds > self._limits.wall_seconds:
            self._stop(TIME_LIMIT, f"more than {self._limits.wall_seconds:g} s")
        elif now - self._looked_at > TICK:
            self._looked_at = now
            self._check_space()

    def _check_space(self) -> None:
        if family.resident_bytes(os.getpid()) > self._limits.memory_bytes:
            self._stop(MEMORY_LIMIT, f"more than {self._limits.memory_bytes} bytes")
        elif _too_full(self._folder):
            self._stop(OUTPUT_LIMIT, f"more than {FOLDER_BYTES} bytes or {FOLDER_FILES} files")

    def _ending(self) -> tuple[str, str]:
        """Return why a process closed its channel before it had answered.

        Raises:
            RuntimeError: the jail did not go up, which is no fault of the candidate.
        """
        if not self.records:
            self.finish()
            raise RuntimeError(f"the jail did not go up: {self._tail.decode()}")
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return _cause(status)
            time.sleep(0.002)
        return PROTOCOL_VIOLATION, "closed its result channel and went on"

    def _stop(self, outcome: str, detail: str) -> None:
        """Keep the first outcome; what follows from it says nothing."""
        if self.outcome == OK:
            self.outcome, self.detail = outcome, detail
            family.sweep()


def _keep_only(requests: int, results: int, output: int) -> tuple[int, int]:
    """Move the child's ends to 3 and 4, its output to 1 and 2, and close everything else."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    # the ends may sit on 3 and 4 already, in the wrong order: move both out of the way first
    high = [os.dup(end) for end in (requests, results)]
    kept = [os.dup2(end, place) for end, place in zip(high, (3, 4), strict=True)]
    os.closerange(5, 1024)
    return kept[0], kept[1]


def _every_call(calls: list[Call], requests: int) -> Iterator[Call]:
    """Yield the calls known from the start, then those that a session asks for."""
    yield from calls
    with open(requests, "rb") as lines:
        for line in lines:
            entry_point, arguments = json.loads(line)
            yield entry_point, arguments


def _cause(status: int) -> tuple[str, str]:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return TIME_LIMIT, "more CPU seconds than the wall clock allows"
    if code < 0:
        return RUNTIME_ERROR, f"killed by {signal.Signals(-code).name}"
    return RUNTIME_ERROR, f"ended without an answer, exit status {code}"


def _too_full(folder: Path) -> bool:
    """Say whether a flat folder holds too much; the jail allows no subfolders."""
    files = size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                size += entry.stat(follow_symlinks=False).st_blocks * 512
            files += 1
            if files > FOLDER_FILES or size > FOLDER_BYTES:
                return True
    return False
