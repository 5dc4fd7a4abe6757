"""The runner's HTTP API: HTTP/1.1 with keep-alive, JSON in and out, a bearer token.

    GET    /healthz                   no token; what the sandbox is and which walls were measured
    POST   /v1/run                    {code, entry_point, calls: [[argument ...] ...], limits}
    POST   /v1/sessions               {code, limits} → {id, outcome, detail}
    POST   /v1/sessions/<id>/call     {entry_point, args}
    DELETE /v1/sessions/<id>

Arguments and values are in the form of wire.py. An answer is {outcome, detail, results, output,
seconds}; `outcome` is OK when every call was answered, and never a verdict: it is the judge who
compares. 503 means to send the request again: all workers are taken, or no candidate could be run,
or, with {lost: true}, a worker was lost while it ran this one. The token is asked for before a body
is read, and 413 is said of one that is too long.
"""

import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pipeline_steps.sandbox.child import Lost, Trouble
from pipeline_steps.sandbox.pool import Busy, Pool
from pipeline_steps.sandbox.sessions import Sessions
from pipeline_steps.sandbox.wire import Limits

log = logging.getLogger(__name__)
MAX_BODY = 8 * 2**20  # bytes of a request
DRAINED = 4 * MAX_BODY  # bytes of a request too long that are read and dropped before the answer
CHUNK = 2**16
QUEUE_SECONDS = 10.0  # that a request waits for a worker before it is told to come again
MAX_WALL_SECONDS = 600.0


class BadRequest(Exception):
    """The request cannot be carried out as it is."""


class BadLength(Exception):
    """It cannot be known where the request ends."""


class TooLong(Exception):
    """The request has more than MAX_BODY bytes."""


class Runner:
    """What the API does, without HTTP."""

    def __init__(self, pool: Pool, isolation: dict[str, Any]) -> None:
        """Serve with the workers of `pool`; `isolation` is what was measured of the jail."""
        self._pool = pool
        self._sessions = Sessions(pool)
        self._isolation = isolation

    def health(self) -> dict[str, Any]:
        """Return what /healthz says."""
        return {"status": "ok", "workers": self._pool.size, "isolation": self._isolation}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out a POST.

        Raises:
            BadRequest, KeyError: the request is wrong, or names a session that is not there.
            Busy, Trouble, Lost: try again.
        """
        match path.strip("/").split("/"):
            case ["v1", "run"]:
                return self._run(body)
            case ["v1", "sessions"]:
                code, limits = _fields(body, code=str, limits=dict)
                return self._sessions.open(code, _limits(limits), QUEUE_SECONDS)
            case ["v1", "sessions", name, "call"]:
                entry_point, arguments = _fields(body, entry_point=str, args=list)
                return self._sessions.call(name, entry_point, arguments)
        raise KeyError(path)

    def delete(self, path: str) -> dict[str, Any]:
        """End a session."""
        match path.strip("/").split("/"):
            case ["v1", "sessions", name]:
                self._sessions.close(name)
                return {}
        raise KeyError(path)

    def _run(self, body: dict[str, Any]) -> dict[str, Any]:
        code, entry_point, calls, limits = _fields(
            body, code=str, entry_point=str, calls=list, limits=dict
        )
        if not all(isinstance(arguments, list) for arguments in calls):
            raise BadRequest("calls must be a list of lists of arguments")
        request = {"do": "run", "code": code, "entry_point": entry_point, "calls": calls}
        limits = _limits(limits)
        with self._pool.lent(QUEUE_SECONDS) as worker:
            return worker.ask(request | {"limits": limits}, limits["wall_seconds"])


def _fields(body: dict[str, Any], **wanted: type) -> list[Any]:
    for name, kind in wanted.items():
        if not isinstance(body.get(name), kind):
            raise BadRequest(f"{name} must be a {kind.__name__}")
    return [body[name] for name in wanted]


def _limits(given: dict[str, Any]) -> dict[str, Any]:
    try:
        limits = Limits(
            float(given["wall_seconds"]), int(given["memory_bytes"]), int(given["output_bytes"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest("limits must have wall_seconds, memory_bytes, output_bytes") from error
    if not 0 < limits.wall_seconds <= MAX_WALL_SECONDS:
        raise BadRequest(f"limits.wall_seconds must be above 0 and at most {MAX_WALL_SECONDS:g}")
    if min(limits.memory_bytes, limits.output_bytes) <= 0:
        raise BadRequest("limits.memory_bytes and limits.output_bytes must be above 0")
    return asdict(limits)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    timeout = 300  # seconds that a kept connection may be idle
    server: "Server"

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._reply(200, self.server.runner.health())
        else:
            self._reply(404, {"error": f"no such path: {self.path}"})

    def do_POST(self) -> None:
        self._answer(lambda: self.server.runner.post(self.path, _json(self._body())))

    def do_DELETE(self) -> None:
        self._answer(lambda: self.server.runner.delete(self.path))

    def _body(self) -> bytes:
        size = _length(self.headers)
        if size <= MAX_BODY:
            return self.rfile.read(size)
        left = min(size, DRAINED)  # who still sends cannot hear the answer
        while left > 0 and (dropped := len(self.rfile.read(min(left, CHUNK)))):
            left -= dropped
        raise TooLong(f"a request has at most {MAX_BODY} bytes")

    def _answer(self, work: Callable[[], dict[str, Any]]) -> None:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.server.token}".encode()):
            return self._refuse(401, "the bearer token is missing or wrong")
        try:
            self._reply(200, work())
        except BadLength as error:
            self._refuse(400, str(error))
        except TooLong as error:
            self._refuse(413, str(error))
        except BadRequest as error:
            self._reply(400, {"error": str(error)})
        except KeyError as error:
            self._reply(404, {"error": f"not found: {error}"})
        except Lost as error:
            log.warning("%s", error)
            self._reply(503, {"error": str(error), "lost": True})
        except (Busy, Trouble) as error:
            log.warning("%s", error)
            self._reply(503, {"error": str(error)})

    def _refuse(self, status: int, error: str) -> None:
        """Reply and hang up: what of the body was not read is no next request."""
        self.close_connection = True
        self._reply(status, {"error": error})

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        log.debug(format, *args)


def _length(headers: Message) -> int:
    """Return how long the body says that it is.

    Raises:
        BadLength: that cannot be known, and so neither where the next request begins.
    """
    if "Transfer-Encoding" in headers:
        raise BadLength("Transfer-Encoding is not understood: send Content-Length")
    given = headers.get_all("Content-Length") or ["0"]
    if len(given) > 1 or not (given[0].isascii() and given[0].isdigit() and len(given[0]) < 20):
        raise BadLength(f"Content-Length must be one number of bytes, not {', '.join(given)!r}")
    return int(given[0])


def _json(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body must be JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


class Server(ThreadingHTTPServer):
    """The API on a port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], runner: Runner, token: str) -> None:
        """Listen on `address`; `token` is kept in this process alone."""
        self.runner = runner
        self.token = token
        super().__init__(address, _Handler)
