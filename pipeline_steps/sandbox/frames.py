"""What worker and candidate exchange over pipes.

To the candidate: lines of JSON, first its job, then each call of a session. Back: frames, which are
`<nonce> <bytes>` on a line, then that many bytes of JSON. The nonce tells frames from what a
candidate writes to the pipe by accident or in a guess.
"""

import json
from typing import Any

MAX_NESTING = 250  # twice wire.MAX_DEPTH and the record around it
MAX_HEADER = 64
KEYS = {"jailed", "loaded", "compile_error", "error", "value", "unrepresentable"}

Record = dict[str, Any]  # one of KEYS and its content
Call = tuple[str, list[Any]]  # entry point, arguments in wire form


def job(nonce: str, code: str, calls: list[Call]) -> bytes:
    """Return the line with what a candidate is given at first."""
    return json.dumps([nonce, code, calls]).encode() + b"\n"


def call(entry_point: str, arguments: list[Any]) -> bytes:
    """Return the line that asks for one more call."""
    return json.dumps([entry_point, arguments]).encode() + b"\n"


def written(nonce: str, record: Record) -> bytes:
    """Return the frame of a record."""
    body = json.dumps(record).encode()
    return f"{nonce} {len(body)}\n".encode() + body


class Reader:
    """Collects bytes and returns the records that are whole."""

    def __init__(self, nonce: str) -> None:
        """Accept frames with this nonce alone."""
        self._prefix = nonce.encode() + b" "
        self._bytes = b""

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that `data` completes.

        Raises:
            ValueError: what came is no frame; nothing after it can be read.
        """
        self._bytes += data
        records = []
        while (record := self._next()) is not None:
            records.append(record)
        return records

    def _next(self) -> Record | None:
        head = self._bytes[:MAX_HEADER]
        if not head.startswith(self._prefix[: len(head)]):
            raise ValueError("bytes without the nonce")
        line, newline, _ = head.partition(b"\n")
        if not newline:
            if len(head) == MAX_HEADER:
                raise ValueError("a header without an end")
            return None
        start, size = len(line) + 1, int(line.removeprefix(self._prefix))
        if len(self._bytes) < start + size:
            return None
        body, self._bytes = self._bytes[start : start + size], self._bytes[start + size :]
        return _record(body)


def _record(body: bytes) -> Record:
    try:
        record = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(record, dict) or len(record) != 1 or not record.keys() <= KEYS:
        raise ValueError("not a record")
    if not _shallow(record, MAX_NESTING):
        raise ValueError("nested too deep")
    return record


def _shallow(form: Any, left: int) -> bool:
    if not isinstance(form, dict | list):
        return True
    inner = form.values() if isinstance(form, dict) else form
    return left > 0 and all(_shallow(item, left - 1) for item in inner)
