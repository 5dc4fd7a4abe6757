"""How the machines of a cluster find its head, and notice that it is gone: by its port."""

import logging
import socket
import subprocess
import time
from dataclasses import dataclass

from pipeline_steps.errors import Resumable

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two tries
ANSWER = 5.0  # seconds that a port may take to answer
HEARTBEAT = 2.0  # seconds between two looks at a head that is there
MISSES = 4  # looks in a row without an answer: it is gone (8 s when refused, 28 s when lost)


@dataclass(frozen=True)
class Head:
    """The head of a cluster, as this machine sees it."""

    host: str
    port: int
    here: str  # address of this machine on the way there

    @property
    def address(self) -> str:
        """Return it as Ray writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def answers(self) -> bool:
        """Return whether it accepts connections."""
        try:
            socket.create_connection((self.host, self.port), ANSWER).close()
        except OSError:
            return False
        return True

    def outlasts(self, process: subprocess.Popen[bytes]) -> bool:
        """Return, once either has ended, whether it is `process` that ended first."""
        missed = 0
        while missed < MISSES:
            time.sleep(HEARTBEAT)
            missed = 0 if self.answers() else missed + 1
            if process.poll() is not None and not missed:
                return True
        return False


def met(host: str, port: int, patience: float, who: str) -> Head:
    """Return a head once it accepts connections.

    Args:
        host: its name or address.
        port: its port.
        patience: seconds to wait.
        who: what the message calls it.

    Raises:
        Resumable: it did not answer in time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with socket.create_connection((host, port), ANSWER) as found:
                return Head(found.getpeername()[0], port, found.getsockname()[0])
        except OSError as error:
            if time.monotonic() > deadline:
                raise Resumable(
                    f"{who} did not answer on {host}:{port} within {patience:.0f} s: {error}"
                ) from error
        time.sleep(PAUSE)


def itself(host: str, port: int, patience: float) -> Head:
    """Return the head that this machine is to be, once the cluster's DNS knows its name.

    Raises:
        Resumable: it does not in time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
            return Head(address, port, address)
        except OSError as error:
            if time.monotonic() > deadline:
                raise Resumable(f"{host} has no address after {patience:.0f} s: {error}") from error
        time.sleep(PAUSE)
