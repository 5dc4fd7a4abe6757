"""The candidate seen from inside its process: load the code, call its functions, answer.

Whatever happens here is the candidate's word, since it can rewrite this module while it runs. So
nothing here decides: the worker watches limits and endings from outside, the judge compares values.
"""

import contextlib
import io
import json
import os
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pipeline_steps.sandbox import wire
from pipeline_steps.sandbox.frames import Call, Record, written

MAX_TEXT = 500  # characters of an error's message

Send = Callable[[Record], None]


class Job:
    """What the worker sends: a nonce for the answers, code, and calls."""

    def __init__(self, requests: int) -> None:
        """Read the first line of `requests`."""
        self._lines = open(requests, "rb")  # noqa: SIM115 - for the life of the process
        self.nonce, self.code, self._calls = json.loads(self._lines.readline())

    def calls(self) -> Iterator[Call]:
        """Yield the calls known from the start, then those that a session asks for."""
        yield from self._calls
        for line in self._lines:
            entry_point, arguments = json.loads(line)
            yield entry_point, arguments


def work(job: Job, results: int) -> None:
    """Do the job in a process that is jailed."""
    send = frames_to(results, job.nonce)
    send({"jailed": True})
    run(job.code, job.calls(), send)


def frames_to(channel: int, nonce: str) -> Send:
    """Return a function that writes one frame, after what was printed before it."""

    def send(record: Record) -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        data = written(nonce, record)
        while data:
            data = data[os.write(channel, data) :]

    return send


def run(code: str, calls: Iterable[Call], send: Send) -> None:
    """Load `code`, say how that went, then answer each call with a frame."""
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "backslashreplace")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace")
    sys.argv = ["candidate"]
    random.seed(0)  # a score must repeat
    try:
        compiled = compile(code, "candidate.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        return send({"compile_error": describe(error)})
    module = sys.modules["candidate"] = types.ModuleType("candidate")
    try:
        exec(compiled, module.__dict__)
    except BaseException as error:
        return send({"error": describe(error)})
    send({"loaded": True})
    for entry_point, arguments in calls:
        send(answer(module, entry_point, arguments))


def answer(module: types.ModuleType, entry_point: str, arguments: list[Any]) -> Record:
    """Call a function and return a frame: a value, an error, or why the value has no form."""
    try:
        value = getattr(module, entry_point)(*map(wire.decode, arguments))
    except BaseException as error:
        return {"error": describe(error)}
    try:
        return {"value": wire.encode(value)}
    except BaseException as error:
        return {"unrepresentable": describe(error)}


def describe(error: BaseException) -> str:
    """Return `<type>: <message>`, whatever the exception's own methods do."""
    try:
        return f"{type(error).__name__}: {error}"[:MAX_TEXT]
    except BaseException:
        return type(error).__name__[:MAX_TEXT]
