"""What the operator serves: /metrics for Prometheus, /healthz and /readyz for the kubelet.

A process that lives may still be dead: a watch can hang in silence, a loop can be blocked. So
health looks at what must move: the event loop, the queue, and changes that no watch told of.
"""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest

from oremill import metrics

_TICK = 1.0  # seconds
_LIMITS = {"loop": 10.0, "queue": 300.0, "watch": 120.0}  # seconds of lag that are still healthy

Lag = Callable[[], float]


class Health:
    """Lags by what lags, and whether the operator has started."""

    def __init__(self, queue: Lag, watch: Lag) -> None:
        self._lags: dict[str, Lag] = {"loop": self._loop_lag, "queue": queue, "watch": watch}
        self._worst_tick = 0.0
        self.ready = False
        self.dead = ""  # why the workers ended, when they did

    def _loop_lag(self) -> float:
        return self._worst_tick

    async def tick(self) -> None:
        """Measure how late the event loop is, for ever."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            self._worst_tick = time.monotonic() - before - _TICK

    def problems(self) -> list[str]:
        """Return a sentence for each thing that does not move."""
        found = [f"workers ended: {self.dead}"] if self.dead else []
        for name, lag in self._lags.items():
            seconds = lag()
            if seconds > _LIMITS[name]:
                found.append(f"{name} is {seconds:.0f} s late, allowed are {_LIMITS[name]:.0f}")
        return found


async def serve(health: Health, metrics_port: int, health_port: int) -> list[web.AppRunner]:
    """Start both servers and return them, to be cleaned up at the end."""

    async def healthz(request: web.Request) -> web.Response:
        problems = health.problems()
        return web.Response(text="\n".join(problems) or "ok", status=503 if problems else 200)

    async def readyz(request: web.Request) -> web.Response:
        return web.Response(
            text="ok" if health.ready else "starting", status=200 if health.ready else 503
        )

    async def show(request: web.Request) -> web.Response:
        text = generate_latest(metrics.REGISTRY)
        return web.Response(
            body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return [
        await _listen(health_port, {"/healthz": healthz, "/readyz": readyz}),
        await _listen(metrics_port, {"/metrics": show}),
    ]


async def _listen(port: int, routes: dict[str, Callable[..., object]]) -> web.AppRunner:
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_get(path, handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
