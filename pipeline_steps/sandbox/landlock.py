"""Landlock: which files a candidate may touch; no TCP, no signals outside. See linux/landlock.h.

A process binds itself, without any privilege. Where the kernel has no Landlock (before 5.13, or
gVisor) `restrict` says so by returning 0, and the other walls stand alone.
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # alike on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_REGULAR, TRUNCATE = 1 << 8, 1 << 14
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # the only ones a rule on a file may name
READ = READ_FILE | READ_DIR
# No links, no subfolders, and nothing is deleted: see seccomp.py.
FLAT_FOLDER = READ | WRITE_FILE | MAKE_REGULAR | TRUNCATE

# ABI -> every right on files that it knows; a right that is not handled is not denied
ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
NEWEST_RIGHTS = (1 << 16) - 1  # from ABI 5
TCP = 0b11  # bind, connect; from ABI 4
SCOPED = 0b11  # abstract sockets, signals; from ABI 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Return the kernel's Landlock version, 0 where it has none."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)))


def restrict(readable: Iterable[Path], folder: Path) -> int:
    """Leave the calling process only `readable`, and `folder` to write files in; return the ABI.

    Raises:
        OSError: the kernel has Landlock and refuses; no_new_privs must be set before.
    """
    version = abi()
    if not version:
        return 0
    rights = ALL_RIGHTS.get(version, NEWEST_RIGHTS)
    ruleset = _create(_Ruleset(rights, TCP, SCOPED), version)
    for path in readable:
        _allow(ruleset, path, READ & rights)
    _allow(ruleset, folder, FLAT_FOLDER & rights)
    _checked(_libc.syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)
    return version


def _create(attributes: _Ruleset, version: int) -> int:
    size = 8 if version < 4 else 16 if version < 6 else 24  # older kernels refuse unknown fields
    made = _libc.syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0)
    return _checked(made, "landlock_create_ruleset")


def _allow(ruleset: int, path: Path, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = _PathBeneath(rights if path.is_dir() else rights & FILE_RIGHTS, parent)
    added = _libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(parent)
    _checked(added, f"landlock_add_rule for {path}")


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result
