"""Runs a benchmark's own `check(candidate)` beside the judge, against a stand-in of the candidate.

The test's text is the benchmark's and holds the expected values, so it stays out of the sandbox;
the candidate's text is a model's, so it stays out of here. What crosses is arguments and plain
values. This is a process of its own, since a check may loop or fail in any way: the judge ends it.

Messages, one JSON at a time: {prompt, test, entry_point} begins a check. Then {call: [argument
...]} goes out and {value} comes back, or {stop} when the call failed, until {passed, detail} ends
it.
"""

import json
import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from pipeline_steps.sandbox.wire import decode, encode


class _Stopped(BaseException):
    """The candidate gave no value; not an Exception, so that no check can catch it."""


class Checker:
    """Answers the judge's requests."""

    def __init__(self, connection: Connection) -> None:
        """Speak over `connection`."""
        self._connection = connection

    def serve(self) -> None:
        """Run one check after the other until the judge hangs up."""
        while True:
            self._send(self._check(self._receive()))

    def _check(self, request: dict[str, Any]) -> dict[str, Any]:
        scope: dict[str, Any] = {"__name__": "check"}
        exec(request["prompt"], scope)  # the helpers that some checks use, and a stub
        scope[request["entry_point"]] = self._candidate
        exec(request["test"], scope)
        try:
            scope["check"](self._candidate)
        except (Exception, _Stopped) as error:
            return {"passed": False, "detail": f"{type(error).__name__}: {error}"[:500]}
        return {"passed": True, "detail": ""}

    def _candidate(self, *arguments: Any) -> Any:
        self._send({"call": [encode(argument) for argument in arguments]})
        answer = self._receive()
        if "value" not in answer:
            raise _Stopped
        return decode(answer["value"])

    def _send(self, message: dict[str, Any]) -> None:
        self._connection.send_bytes(json.dumps(message).encode())

    def _receive(self) -> dict[str, Any]:
        return dict(json.loads(self._connection.recv_bytes()))


def main() -> None:
    """Serve on the file descriptor that the judge gave."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the life of the process
    try:
        Checker(Connection(int(sys.argv[1]))).serve()
    except (EOFError, ConnectionResetError):
        return
