"""What a freshly forked process gives up before it runs a candidate.

Everything here works without privileges: uid 65532, no capabilities, a read-only root, no new
namespaces (a pod under the restricted Pod Security level). Memory has two walls, since a candidate
may catch MemoryError: the address space here, the resident set in execution.py.
"""

import ctypes
import os
import resource
import signal
import sysconfig
from pathlib import Path

from pipeline_steps.sandbox import landlock, seccomp
from pipeline_steps.sandbox.wire import Limits

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38

FILE_BYTES = 4 * 2**20  # the largest file of a candidate
OPEN_FILES = 64
STACK_BYTES = 8 * 2**20  # also of each thread, so that the address space bounds their number

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Set a property of the calling process.

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def readable_paths() -> tuple[Path, ...]:
    """Return what the interpreter may need for an import or a time zone, and nothing else."""
    own = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    system = ("/lib", "/lib64", "/usr/lib", "/usr/share/zoneinfo", "/etc/localtime", "/dev/null")
    every = (*own, *map(Path, (*system, "/etc/ld.so.cache", "/dev/urandom")))
    return tuple(path for path in every if path.exists())


READABLE = readable_paths()


def enter(folder: Path, limits: Limits) -> None:
    """Lock the calling process in, for good; `folder` is all that it can write.

    Raises:
        OSError: a wall that this kernel should have did not go up; nothing may run then.
    """
    os.setsid()
    os.chdir(folder)
    os.umask(0o077)
    os.environ.clear()
    os.nice(5)  # the worker must be able to stop it
    _set_limits(limits)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict(READABLE, folder)
    seccomp.install()


def _set_limits(limits: Limits) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    values = {
        resource.RLIMIT_AS: used + limits.memory_bytes,
        resource.RLIMIT_CPU: int(limits.wall_seconds) + 1,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in values.items():
        resource.setrlimit(limit, (value, value))  # hard too: it cannot be raised again


def die_with(parent: int) -> None:
    """Have the kernel kill the calling process when `parent`, which forked it, ends."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def hide() -> None:
    """Make the calling process and its children unreadable for others of the same user.

    Orphans of its children become its children, where they can be found and killed.
    """
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
