"""What a step says of itself while it runs: JSON for the operator, gauges for Prometheus.

Rank 0 serves `GET /progress` (specs.artifact.Progress) and `GET /metrics` on one port. A gauge is
named `oremill_<metric>` and has the label `kind`; the pod's labels, which Prometheus adds, tell
the rest.
"""

import logging
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from oremill import names
from oremill.specs.artifact import Checkpointed, Progress

log = logging.getLogger(__name__)


class ProgressBoard:
    """The newest progress of the step; safe to write from any thread."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._now = Progress()
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        self._server: ThreadingHTTPServer | None = None

    def update(
        self,
        step: int,
        total: int,
        unit: str,
        headline: str = "",
        metrics: dict[str, float] | None = None,
        last_checkpoint: Checkpointed | None = None,
        resumed_from: int | None = None,
    ) -> None:
        """Say how far the step is; a checkpoint or a resume stays known until a newer one.

        Args:
            step: how many units are done, of `total`.
            unit: files, bytes, steps, problems.
            headline: one short number for people, such as "loss 1.83".
            metrics: name -> value; each becomes the gauge oremill_<name>.
        """
        with self._lock:
            self._now = Progress(
                step=step,
                total=total,
                unit=unit,
                headline=headline,
                metrics=metrics or {},
                last_checkpoint=last_checkpoint or self._now.last_checkpoint,
                resumed_from=self._now.resumed_from if resumed_from is None else resumed_from,
            )
        self.gauge("progress_done", step)
        self.gauge("progress_total", total)
        self.gauge("progress_updated_timestamp_seconds", time.time())
        for name, value in (metrics or {}).items():
            self.gauge(name, value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set one gauge; labels must be bounded (stage, reason), never paths or free text."""
        name = "oremill_" + re.sub(r"[^a-zA-Z0-9_]", "_", name)
        with self._lock:
            if name not in self._gauges:
                self._gauges[name] = Gauge(
                    name, f"{name} of the running step", ("kind", *labels), registry=self._registry
                )
        self._gauges[name].labels(kind=self._kind, **labels).set(value)

    @property
    def now(self) -> Progress:
        """The newest progress."""
        return self._now

    def serve(self, port: int = names.PORT_PROGRESS) -> int:
        """Answer on all interfaces until `close`; return the port (a free one for 0)."""
        self._server = ThreadingHTTPServer(("", port), _handler(self))
        threading.Thread(target=self._server.serve_forever, name="progress", daemon=True).start()
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def page(self, path: str) -> tuple[str, bytes] | None:
        """Return content type and body of a path, or None when there is no such page."""
        if path == "/metrics":
            return CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == "/progress":
            return "application/json", self._now.model_dump_json(by_alias=True).encode()
        return None


def _handler(board: ProgressBoard) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds a client may take

        def do_GET(self) -> None:
            page = board.page(self.path.partition("?")[0])
            if page is None:
                self.send_error(404)
                return
            kind, body = page
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            log.debug(format, *args)

    return Handler
