"""The processes below this one, from /proc: how much memory they hold, and how to be rid of them.

The seccomp filter gives a candidate no way to make a process. These are the second wall: the zygote
is a subreaper, so whatever a candidate leaves behind becomes the zygote's child and is swept up.
"""

import contextlib
import os
import resource
import signal
from pathlib import Path

PAGE = resource.getpagesize()


def descendants(ancestor: int) -> list[int]:
    """Return the ids of all processes below `ancestor`, zombies included."""
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = _children(waiting.pop())
        found += below
        waiting += below
    return found


def _children(pid: int) -> list[int]:
    numbers: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            numbers += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return numbers


def resident_bytes(ancestor: int) -> int:
    """Return the resident memory of all processes below `ancestor`."""
    return sum(map(_resident, descendants(ancestor)))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:  # it has just ended
        return 0


def sweep() -> None:
    """Kill and reap every process below this one, until there is none.

    Raises:
        RuntimeError: there is one that /proc does not show, so that it cannot be killed.
    """
    while _has_children():
        below = descendants(os.getpid())
        if not below and _has_children():
            raise RuntimeError("the kernel does not list the children of a process in /proc")
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in below:
            with contextlib.suppress(ChildProcessError):  # ours only once its parent is gone
                os.waitpid(pid, 0)


def _has_children() -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    return False
