"""A seccomp filter for a candidate: no sockets, no processes, no signals, no kernel doors.

Deleting a file answers "done" and does nothing: a file that is open or mapped keeps its blocks when
its name is gone, and then nobody can count them. So names stay until the whole folder goes.

A list of what is denied, on top of the pod's RuntimeDefault list of what is allowed: interpreter
and C library keep the calls that they need on any kernel, and calls newer than this file do not
exist for a candidate. Denied calls fail with EPERM, so that a candidate sees an ordinary OSError.
Numbers and layout: linux/seccomp.h, linux/filter.h, asm/unistd.h.
"""

import ctypes
import errno
import os
import platform
import struct
from functools import cache

# name: (x86_64, aarch64); None where the machine has no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
    # network and other channels out of the process
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # new processes and programs (threads: see CLONE below)
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    # other processes of the same user
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "kcmp": (312, 272), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "prctl": (157, 167),
    # namespaces and mounts
    "setns": (308, 268), "unshare": (272, 97), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "mount_setattr": (442, 442),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    # files: a run's folder is flat, and nobody's modes change
    "mkdir": (83, None), "mkdirat": (258, 34), "mknod": (133, None), "mknodat": (259, 33),
    "symlink": (88, None), "symlinkat": (266, 36), "link": (86, None), "linkat": (265, 37),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "fanotify_init": (300, 262),
    # files whose blocks no name leads to, and blocks beyond a file's end
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "fallocate": (285, 47),
    # doors into the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_setup": (206, 0),
    "personality": (135, 92), "syslog": (103, 116), "quotactl": (179, 60), "acct": (163, 89),
    "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "vhangup": (153, 58),
}  # fmt: skip

CLONE, CLONE3, KILL, TGKILL, PRLIMIT64 = (56, 220), (435, 435), (62, 129), (234, 131), (302, 261)
UNLINK, UNLINKAT, OPEN, OPENAT, OPENAT2 = (87, None), (263, 35), (2, None), (257, 56), (437, 437)
NEWEST_KNOWN = 451  # cachestat; later calls are answered with ENOSYS, and so is the x32 table
CLONE_THREAD = 0x00010000
TMPFILE = 0o20000000  # the bit of O_TMPFILE that no other flag has
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH

# Classic BPF: load a word of seccomp_data, compare with a constant, return an action.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENT_0, ARGUMENT_1, ARGUMENT_2 = 0, 4, 16, 24, 32  # in seccomp_data
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
REFUSE, ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
NOTHING = 0x00050000  # "error 0": the call is not made and returns 0

OWN_PID = 0x7FFFFFFE  # no process has it, and no other instruction these bytes

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


def _instruction(operation: int, constant: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, constant)


def _when(number: int | None, *body: bytes) -> list[bytes]:
    """Run `body`, which must return, for the call `number`."""
    if number is None:
        return []
    return [_instruction(EQUAL, number, 0, len(body)), *body]


def _only_if(operation: int, constant: int, argument: int = ARGUMENT_0) -> list[bytes]:
    """Allow when the argument meets the condition, refuse otherwise."""
    return _choice(operation, constant, argument, ALLOW, REFUSE)


def _unless(operation: int, constant: int, argument: int) -> list[bytes]:
    """Refuse when the argument meets the condition, allow otherwise."""
    return _choice(operation, constant, argument, REFUSE, ALLOW)


def _choice(operation: int, constant: int, argument: int, met: int, missed: int) -> list[bytes]:
    return [
        _instruction(LOAD, argument),
        _instruction(operation, constant, 0, 1),
        _instruction(RETURN, met),
        _instruction(RETURN, missed),
    ]


def program(pid: int, machine: str = platform.machine()) -> bytes:
    """Return the filter for the process `pid`: it may send signals and set limits to itself alone.

    Raises:
        OSError: the machine's system calls are not in the table.
    """
    return _template(machine).replace(struct.pack("=I", OWN_PID), struct.pack("=I", pid))


@cache
def _template(machine: str) -> bytes:
    """Return the filter with OWN_PID for the process's id: made once, before the first fork."""
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {machine}: x86_64 or aarch64")
    column, architecture = ARCHITECTURES[machine]
    code = [
        _instruction(LOAD, ARCHITECTURE),
        _instruction(EQUAL, architecture, 1, 0),
        _instruction(RETURN, KILL_PROCESS),
        _instruction(LOAD, NUMBER),
        _instruction(AT_LEAST, NEWEST_KNOWN + 1, 0, 1),
        _instruction(RETURN, ABSENT),
        # clone3 passes its flags in memory, where a filter cannot look: libc falls back to clone
        *_when(CLONE3[column], _instruction(RETURN, ABSENT)),
        *_when(CLONE[column], *_only_if(ANY_BIT, CLONE_THREAD)),
        *_when(KILL[column], *_only_if(EQUAL, OWN_PID)),
        *_when(TGKILL[column], *_only_if(EQUAL, OWN_PID)),
        *_when(PRLIMIT64[column], *_only_if(EQUAL, 0)),
        *_when(UNLINK[column], _instruction(RETURN, NOTHING)),
        *_when(UNLINKAT[column], _instruction(RETURN, NOTHING)),
        *_when(OPEN[column], *_unless(ANY_BIT, TMPFILE, ARGUMENT_1)),
        *_when(OPENAT[column], *_unless(ANY_BIT, TMPFILE, ARGUMENT_2)),
        *_when(OPENAT2[column], _instruction(RETURN, ABSENT)),  # flags in memory, as of clone3
    ]
    for numbers in DENIED.values():
        code += _when(numbers[column], _instruction(RETURN, REFUSE))
    return b"".join([*code, _instruction(RETURN, ALLOW)])


_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install() -> None:
    """Bind the calling thread and its children to the filter, for good; needs no_new_privs.

    Raises:
        OSError: the kernel has no seccomp filters.
    """
    code = program(os.getpid())
    prog = _Program(len(code) // 8, code)
    if _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(prog), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp filter refused")
