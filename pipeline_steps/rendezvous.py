"""torchrun for the ranks of one pod: its store listens on the loopback address alone.

    python -m pipeline_steps.rendezvous <arguments of torchrun>

PyTorch's TCPStore listens on every address and asks nobody who they are, whatever name it is given:
in a cluster that enforces no NetworkPolicy, any pod could read and write it. With one node nobody
outside the pod has business there. (Several nodes meet by torchrun itself.)
"""

import socket

from torch.distributed import TCPStore, run  # type: ignore[attr-defined]  # torch re-exports it
from torch.distributed.elastic.rendezvous import (
    RendezvousInfo,
    RendezvousParameters,
    rendezvous_handler_registry,
)
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous
from torch.distributed.elastic.rendezvous.utils import parse_rendezvous_endpoint

BACKEND = "loopback"  # as PET_RDZV_BACKEND names it
ADDRESS = "127.0.0.1"
TIMEOUT = 600  # seconds, torchrun's own


class Loopback(StaticTCPRendezvous):
    """The meeting of one node with itself, on a socket that we bind."""

    def get_backend(self) -> str:
        """Return the name by which torchrun asked for it."""
        return BACKEND

    def next_rendezvous(self) -> RendezvousInfo:
        """Return where the ranks find their store."""
        if self._store is None:
            listener = socket.create_server((ADDRESS, self.master_port))
            self._store = TCPStore(
                ADDRESS,
                self.master_port,
                world_size=1,
                is_master=True,
                timeout=self.timeout,
                multi_tenant=True,
                master_listen_fd=listener.detach(),  # the store closes it
            )
        return super().next_rendezvous()


def create(params: RendezvousParameters) -> Loopback:
    """Return the handler that torchrun asks for."""
    _, port = parse_rendezvous_endpoint(params.endpoint, default_port=-1)
    return Loopback(ADDRESS, port, 0, 1, params.run_id, TIMEOUT)


if __name__ == "__main__":
    rendezvous_handler_registry.register(BACKEND, create)
    run.main()
