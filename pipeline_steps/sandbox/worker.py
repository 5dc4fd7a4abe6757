"""One slot of the sandbox: a process that has one candidate run at a time, and watches it.

One at a time, so that every process below its zygote belongs to one candidate. The server starts it
in an interpreter of its own, so that the token is not in its memory, and speaks JSON with it over a
socket pair:

    {"do": "run", "code", "calls", "limits"}      load, make all calls, report
    {"do": "open", "code", "limits"}              load, and keep the process
    {"do": "call", "entry_point", "args"}         one call of the open session
    {"do": "close"}                               end the session
"""

import gc
import importlib
import json
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline_steps.sandbox import jail, seccomp
from pipeline_steps.sandbox.execution import OK, TICK, Execution, JailFailed
from pipeline_steps.sandbox.frames import Call
from pipeline_steps.sandbox.wire import Limits
from pipeline_steps.sandbox.zygote import Zygote

# Imported before the first fork: what solutions import most. The rest of the library is there too.
WARM = (
    "abc", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "random",
    "re", "statistics", "string", "time", "typing",
)  # fmt: skip


class Worker:
    """Answers the server's requests until it hangs up."""

    def __init__(self, connection: Connection, zygote: Zygote, scratch: Path) -> None:
        """Have candidates forked by `zygote`, and work below `scratch`."""
        self._connection = connection
        self._zygote = zygote
        self._scratch = scratch
        self._session: Execution | None = None
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "run": self._run,
            "open": self._open,
            "call": self._call,
            "close": self._close,
        }

    def serve(self) -> None:
        """Answer until the server's end is closed."""
        while True:
            try:
                request = json.loads(self._next())
            except (EOFError, ConnectionResetError):
                self._close({})
                return
            self._connection.send_bytes(json.dumps(self._answer(request)).encode())

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._verbs[request["do"]](request)
        except JailFailed as failed:
            self._close({})
            return {"trouble": str(failed)}

    def _next(self) -> bytes:
        """Wait for a request; an idle session is watched meanwhile."""
        while self._session and not self._connection.poll(TICK):
            if self._session.outcome == OK:
                self._session.look(0)
        return self._connection.recv_bytes()

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        calls = [(request["entry_point"], arguments) for arguments in request["calls"]]
        with self._execution(request, calls) as execution:
            execution.wait_for_results(len(calls))
            execution.finish()
            return execution.report()

    def _execution(self, request: dict[str, Any], calls: list[Call]) -> Execution:
        limits = Limits(**request["limits"])
        return Execution(self._zygote, request["code"], limits, self._scratch, calls)

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        self._close({})
        self._session = self._execution(request, [])
        self._session.wait_for_results(0)
        return self._session.report()

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._session, "the server calls open sessions only"
        self._session.call(request["entry_point"], request["args"])
        had = len(self._session.results)
        self._session.wait_for_results(had + 1)
        return self._session.report() | {"results": self._session.results[had:]}

    def _close(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._session:
            self._session.__exit__()
        self._session = None
        return {}


def main() -> None:
    """Serve on the file descriptor, and below the folder, that the server gave."""
    jail.hide()
    connection = Connection(int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    for name in WARM:  # what a fork finds made, it need not make
        importlib.import_module(name)
    seccomp.program(0)
    gc.collect()
    gc.freeze()  # pages that a collection does not touch stay shared with the forks
    Worker(connection, Zygote(), Path(sys.argv[2])).serve()


if __name__ == "__main__":
    main()
