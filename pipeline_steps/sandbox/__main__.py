"""Serve the sandbox: python3 -m pipeline_steps.sandbox

    OREMILL_SANDBOX_WORKERS  executions side by side; 2 when not set
    OREMILL_SANDBOX_TOKEN    file with the token that callers must show
    OREMILL_SANDBOX_PORT     port; the one of the Service when not set, 0 takes a free one
    TMPDIR                   folder in which each execution gets a folder of its own

Prints the port once it listens. Ends with SIGTERM.
"""

import logging
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from oremill import names
from pipeline_steps.sandbox import jail, walls
from pipeline_steps.sandbox.pool import Pool
from pipeline_steps.sandbox.server import Runner, Server


def main() -> None:
    """Start workers, measure the walls, serve."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    signal.signal(signal.SIGTERM, _end)  # as PID 1 it would be ignored
    file = Path(os.environ.get("OREMILL_SANDBOX_TOKEN", names.SANDBOX_TOKEN_FILE))
    port = int(os.environ.get("OREMILL_SANDBOX_PORT", names.PORT_SANDBOX))
    size = int(os.environ.get("OREMILL_SANDBOX_WORKERS", "2"))
    jail.hide()
    with tempfile.TemporaryDirectory(prefix="sandbox-") as scratch:
        pool = Pool(size, Path(scratch))
        try:
            isolation = walls.measure(pool, str(file))
            logging.info("the walls hold: %s", isolation)
            serve(Server(("0.0.0.0", port), Runner(pool, isolation), file.read_text().strip()))
        finally:
            pool.close()


def serve(server: Server) -> None:
    """Answer until the process is told to end."""
    print(f"listening on {server.server_address[1]}", flush=True)
    with server:
        server.serve_forever()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
