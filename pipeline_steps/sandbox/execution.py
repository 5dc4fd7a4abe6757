"""One candidate seen from outside: its pipes, its limits, and how it ended.

The candidate's process is a fork of the zygote, so that the interpreter is warm, and the worker
trusts nothing that it does. It reads records from one pipe and output from another, and looks every
TICK at the clock, the memory of the process tree and the candidate's folder. The first wall that is
hit is the outcome. Once the jail is up, whatever goes wrong here is held against the candidate,
since nothing else runs.
"""

import contextlib
import os
import secrets
import select
import shutil
import signal
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline_steps.sandbox import family, folders, frames
from pipeline_steps.sandbox.frames import Call
from pipeline_steps.sandbox.wire import Limits
from pipeline_steps.sandbox.zygote import Zygote

TICK = 0.02  # seconds between two looks at memory and files
GRACE = 0.2  # seconds that a process which closed its channel has to end
CHUNK = 65536  # bytes read at once
TAIL = 2000  # bytes of output that are reported

OK = "OK"
COMPILE_ERROR, RUNTIME_ERROR = "COMPILE_ERROR", "RUNTIME_ERROR"
TIME_LIMIT, MEMORY_LIMIT, OUTPUT_LIMIT = "TIME_LIMIT", "MEMORY_LIMIT", "OUTPUT_LIMIT"
PROTOCOL_VIOLATION = "PROTOCOL_VIOLATION"


class JailFailed(Exception):
    """The jail did not go up, which is no fault of the candidate; it was not run."""


class Execution:
    """A candidate's process from fork to the last sweep; use it as a context."""

    def __init__(
        self, zygote: Zygote, code: str, limits: Limits, scratch: Path, calls: list[Call]
    ) -> None:
        """Have a process load `code` and make `calls`, and after them those of `call`.

        Raises:
            JailFailed: the candidate was not run.
        """
        self.outcome, self.detail = OK, ""
        self.records: list[frames.Record] = []  # jailed, how loading went, then one for each call
        self.seconds = 0.0  # that the candidate was waited for: what wall_seconds limits
        self._zygote, self._limits = zygote, limits
        self._folder = _folder_in(scratch)
        nonce = secrets.token_hex(16)
        self._reader = frames.Reader(nonce)
        self._tail = b""
        self._printed = self._answered = 0  # bytes
        self._swept = False
        self._looked_at = 0.0  # when memory and folder were last looked at
        self._asked = frames.job(nonce, code, calls)
        self._start()

    def _start(self) -> None:
        requests, self._requests = os.pipe()
        self._result_end, results = os.pipe()
        self._output_end, output = os.pipe()
        self._open_ends = [self._result_end, self._output_end]
        try:
            self._zygote.fork(self._folder, self._limits, (requests, results, output))
        except OSError as error:
            self.__exit__()
            raise JailFailed(f"no process for a candidate: {error}") from error
        finally:
            for end in (requests, results, output):
                os.close(end)
        for end in (self._requests, *self._open_ends):
            os.set_blocking(end, False)

    def __enter__(self) -> "Execution":
        return self

    def __exit__(self, *error: object) -> None:
        """Kill what is left, and remove the folder and the pipes."""
        self._sweep()
        for end in (self._requests, self._result_end, self._output_end):
            os.close(end)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, entry_point: str, arguments: list[Any]) -> None:
        """Ask for one more call; its record is the next one."""
        self._asked += frames.call(entry_point, arguments)

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
        """Move what can be moved within `wait` seconds, then check every limit.

        Raises:
            JailFailed: the candidate was not run.
        """
        with self._held_against_it():
            self._look(wait)

    @contextlib.contextmanager
    def _held_against_it(self) -> Iterator[None]:
        """Make an error of ours an outcome: a candidate that can cause one earns nothing by it."""
        try:
            yield
        except Exception as error:
            if not self.records:
                raise
            traceback.print_exc()  # into the runner's log
            self._stop(RUNTIME_ERROR, f"the sandbox could not follow it: {error!r}")

    def _look(self, wait: float) -> None:
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
        self._sweep()
        with self._held_against_it():
            self._read_output()

    def _read_output(self) -> None:
        while self._output_end in self._open_ends and self._printed <= self._limits.output_bytes:
            self._read(self._output_end)

    def _sweep(self) -> None:
        """Kill all that runs; after that there is nothing that could run."""
        if not self._swept:
            self._zygote.sweep()
        self._swept = True

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
        if family.resident_bytes(self._zygote.pid) > self._limits.memory_bytes:
            self._stop(MEMORY_LIMIT, f"more than {self._limits.memory_bytes} bytes")
        elif folders.too_full(self._folder):
            self._stop(OUTPUT_LIMIT, f"more than {folders.LIMITS}")

    def _ending(self) -> tuple[str, str]:
        """Return why a process closed its channel before it had answered.

        Raises:
            JailFailed: the candidate was not run.
        """
        if not self.records:
            self._sweep()
            self._read_output()
            raise JailFailed(f"the jail did not go up: {self._tail.decode(errors='replace')}")
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            if (status := self._zygote.ended()) is not None:
                return _cause(status)
            time.sleep(0.002)
        return PROTOCOL_VIOLATION, "closed its result channel and went on"

    def _stop(self, outcome: str, detail: str) -> None:
        """Keep the first outcome; what follows from it says nothing."""
        if self.outcome == OK:
            self.outcome, self.detail = outcome, detail
            self._sweep()


def _cause(status: int) -> tuple[str, str]:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return TIME_LIMIT, "more CPU seconds than the wall clock allows"
    if code < 0:
        return RUNTIME_ERROR, f"killed by {_signal_name(-code)}"
    return RUNTIME_ERROR, f"ended without an answer, exit status {code}"


def _folder_in(scratch: Path) -> Path:
    try:
        return folders.new(scratch)
    except OSError as error:
        raise JailFailed(f"no folder for a candidate: {error}") from error


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time signals between the first and the last have no names
        return f"signal {number}"
