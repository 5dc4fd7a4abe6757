"""How much of the machine a step may use: the limits of its pod, else the whole machine."""

import os

from oremill import names


def cores() -> int:
    """Return the number of CPU cores, rounded up."""
    return int(os.environ.get(names.ENV_CPUS) or len(os.sched_getaffinity(0)))


def memory() -> int:
    """Return the bytes of memory."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(os.environ.get(names.ENV_MEMORY) or pages)
