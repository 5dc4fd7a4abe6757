"""The process that forks candidates, and has nothing of any of them.

A fork has its ancestors' memory, what they freed included, and a candidate can read all of its own.
So the worker, which reads code, arguments and results, forks no candidate: it forks this process
once, before the first request, and asks it for forks. What a candidate is given comes to it through
a pipe of its own. All that is ever here is folders, limits, ends of pipes and exit statuses.

Orders are JSON in packets; {"do": "fork"} carries the candidate's three ends of pipes beside it.
"""

import json
import os
import socket
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from pipeline_steps.sandbox import candidate, family, jail
from pipeline_steps.sandbox.wire import Limits

PACKET = 2**14  # bytes: more than a path and three numbers
Ends = tuple[int, int, int]  # to read requests from, to write results to, to print to


class Zygote:
    """The worker's side of the process."""

    def __init__(self) -> None:
        """Fork it; the caller must not have read any request yet."""
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        worker = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _become_zygote(worker, theirs)
        theirs.close()

    def fork(self, folder: Path, limits: Limits, ends: Ends) -> None:
        """Fork a candidate's process, which waits for its job on the first of `ends`.

        Raises:
            OSError: there is no process to be had.
        """
        error = self._ask(ends, do="fork", folder=str(folder), limits=asdict(limits))
        if error:
            raise OSError(error)

    def ended(self) -> int | None:
        """Return the wait status of the candidate's process if it has ended."""
        return self._ask(do="ended")  # type: ignore[no-any-return]

    def sweep(self) -> None:
        """Kill and reap the candidate's process and all that came of it."""
        self._ask(do="sweep")

    def _ask(self, ends: Ends | tuple[()] = (), **order: Any) -> Any:
        socket.send_fds(self._orders, [json.dumps(order).encode()], ends)
        answer = self._orders.recv(PACKET)
        if not answer:
            raise RuntimeError("the zygote is gone")
        return json.loads(answer)


def _become_zygote(worker: int, orders: socket.socket) -> NoReturn:
    try:
        jail.die_with(worker)
        jail.hide()  # orphans come here, where they are swept up
        os.closerange(3, orders.fileno())  # the server's connection
        os.closerange(orders.fileno() + 1, 1024)
        _serve(orders)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _serve(orders: socket.socket) -> None:
    """Carry out orders until the worker is gone."""
    pid = 0
    while True:
        answer: Any = None
        packet, ends, _, _ = socket.recv_fds(orders, PACKET, 3)
        match json.loads(packet or b"{}"):
            case {"do": "fork", "folder": folder, "limits": limits}:
                pid, answer = _fork(Path(folder), Limits(**limits), ends)
            case {"do": "ended"}:
                done, status = os.waitpid(pid, os.WNOHANG)
                answer = status if done else None
            case {"do": "sweep"}:
                family.sweep()
            case _:
                return
        orders.send(json.dumps(answer).encode())


def _fork(folder: Path, limits: Limits, ends: list[int]) -> tuple[int, str | None]:
    """Return the id of a candidate's process, or 0 and why there is none."""
    zygote, pid, error = os.getpid(), 0, None
    try:
        pid = os.fork()
        if pid == 0:
            _become_candidate(zygote, folder, limits, ends)
    except OSError as caught:
        error = str(caught)
    for end in ends:
        os.close(end)
    return pid, error


def _become_candidate(zygote: int, folder: Path, limits: Limits, ends: list[int]) -> NoReturn:
    """Run the candidate, never return: the zygote's code must not go on in its child."""
    try:
        jail.die_with(zygote)
        requests, results = _keep_only(*ends)
        job = candidate.Job(requests)
        jail.enter(folder, limits)
        candidate.work(job, results)
    except BaseException:
        traceback.print_exc()  # into the candidate's output
    finally:
        os._exit(0)


def _keep_only(requests: int, results: int, output: int) -> tuple[int, int]:
    """Move the child's ends to 3 and 4, its output to 1 and 2, and close everything else."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    # the ends may sit on 3 and 4 already, in the wrong order: move both out of the way first
    high = [os.dup(end) for end in (requests, results)]
    kept = [os.dup2(end, place) for end, place in zip(high, (3, 4), strict=True)]
    os.closerange(5, 1024)
    return kept[0], kept[1]
