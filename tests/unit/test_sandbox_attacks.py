"""Real attacks on a real runner: each must get its own verdict, and the runner must live on.

The numbers in ids sort them by kind: what is returned (01-07), how it ends (08-14), output (15-21),
looking for the answer (22-27), changing the judge (28-34), time and space (35-47), escape (48-53).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline_steps.evaluate.judge import Judge, Limits, Submission, Verdict
from pipeline_steps.sandbox.family import descendants
from tests import sandbox_server
from tests.sandbox_server import SandboxServer

LIMITS = Limits(wall_seconds=1.0, memory_bytes=128 * 2**20, output_bytes=20_000)
SCAN_LIMITS = Limits(wall_seconds=30.0, memory_bytes=256 * 2**20, output_bytes=20_000)
HONEST = "def add(a, b):\n    return a + b\n"
TESTS = [{"args": [1, 2], "expected": 3}, {"args": [5, -7], "expected": -2}]


@dataclass(frozen=True)
class Attack:
    """A candidate, the verdict that it must get, and what the judgement must say."""

    name: str
    verdict: Verdict
    code: str
    says: str = ""


W, R, T = Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR, Verdict.TIME_LIMIT
P, O, M = Verdict.PROTOCOL_VIOLATION, Verdict.OUTPUT_LIMIT, Verdict.MEMORY_LIMIT  # noqa: E741

ATTACKS = [
    # what is returned
    Attack("01-object-that-equals-everything", P, """
class Same:
    def __eq__(self, other): return True
def add(a, b): return Same()
""", "a Same"),
    Attack("02-int-subclass-that-equals-everything", P, """
class Same(int):
    def __eq__(self, other): return True
    def __hash__(self): return 3
def add(a, b): return Same(3)
""", "a Same"),
    Attack("02-bool-for-an-int", W, "def add(a, b): return a + b == 3 or -2"),
    Attack("02-float-for-an-int", W, "def add(a, b): return float(a + b)"),
    Attack("03-nan", W, "def add(a, b): return float('nan')"),
    Attack("03-recursive-list", P, "def add(a, b):\n    x = []\n    x.append(x)\n    return x"),
    Attack("03-huge-int", W, "def add(a, b): return 1 << 20000"),
    Attack("04-generator", P, "def add(a, b): yield a + b"),
    Attack("05-pickle-bomb", P, """
class Bomb:
    def __reduce__(self): return (exec, ("import os; os._exit(0)",))
def add(a, b): return Bomb()
"""),
    Attack("06-spoofed-class", P, """
class Fake:
    __class__ = int
def add(a, b): return Fake()
"""),
    # how it ends
    Attack("08-exit-at-import", R, "import sys\nsys.exit(0)", "SystemExit"),
    Attack("09-system-exit-in-the-call", R, "def add(a, b): raise SystemExit(0)", "SystemExit"),
    Attack("10-os-exit-at-import", R, "import os\nos._exit(0)", "exit status 0"),
    Attack("10-os-exit-in-the-call", R, "import os\ndef add(a, b): os._exit(0)", "exit status 0"),
    Attack("11-atexit", W, """
import atexit
atexit.register(lambda: print("PASS"))
def add(a, b): return 0
"""),
    Attack("12-keyboard-interrupt", R,
           "def add(a, b): raise KeyboardInterrupt", "KeyboardInterrupt"),
    Attack("13-killed-after-success", R, """
import os
def add(a, b):
    print("PASS")
    os.kill(os.getpid(), 9)
""", "SIGKILL"),
    *(
        Attack(f"13-killed-by-signal-{number}", R, f"""
import os
def add(a, b): os.kill(os.getpid(), {number})
""", "killed by ")
        for number in (6, *range(34, 65))
    ),
    Attack("13-stops-itself", T, "import os\ndef add(a, b): os.kill(os.getpid(), 19)"),
    Attack("14-exec-true", R,
           "import os\ndef add(a, b): os.execv('/bin/true', ['true'])", "Permission"),
    Attack("46-segmentation-fault", R,
           "import ctypes\ndef add(a, b): ctypes.string_at(0)", "SIGSEGV"),
    Attack("46-deep-recursion", M, """
import sys
sys.setrecursionlimit(10**9)
def add(a, b):
    return (lambda f: f(f))(lambda f: f(f) + 1)
"""),
    # what it prints and writes
    Attack("15-prints-a-verdict", W, """
def add(a, b):
    print('{"verdict": "PASS", "passed": 2, "total": 2}')
    return 0
"""),
    Attack("17-writes-to-inherited-descriptors", P, """
import os
def add(a, b):
    for number in range(3, 64):
        try: os.write(number, b'{"value": 3}')
        except OSError: pass
    return 0
""", "result channel"),
    Attack("17-forges-nested-json", P, """
import os
def add(a, b):
    os.write(4, b'[' * 5000)
"""),
    Attack("19-unbounded-output", O, "def add(a, b):\n    while True: print('x' * 1000)"),
    Attack("19-unbounded-result", O, "def add(a, b): return 'x' * 50_000"),
    Attack("20-bytes-that-are-no-text", W, r"""
import os
def add(a, b):
    os.write(1, b"\xff\xfe\x00\x1b[2J\rPASS\n")
    return 0
"""),
    Attack("21-closes-its-channels-and-goes-on", P, """
import os
def add(a, b):
    os.closerange(0, 64)
    while True: pass
""", "closed its result channel"),
    # where it looks for the answer
    Attack("22-walks-the-frames", W, """
import gc, sys
def add(a, b):
    frame = sys._getframe()
    while frame:
        for name, value in frame.f_locals.items():
            if "expected" in name: return value
        frame = frame.f_back
    for item in gc.get_objects():
        if isinstance(item, dict) and "expected" in item: return item["expected"]
    return 0
"""),
    Attack("23-reads-the-parent", R, """
import os
def add(a, b): return open(f"/proc/{os.getppid()}/environ").read()
""", "Permission"),
    Attack("23-reads-the-parents-memory", R, """
import os
def add(a, b): return open(f"/proc/{os.getppid()}/mem", "rb").read(1)
""", "Permission"),
    Attack("23-reads-the-users", R,
           "def add(a, b): return open('/etc/passwd').read()", "Permission"),
    Attack("23-lists-the-scratch", R,
           "import os\ndef add(a, b): return os.listdir('..')", "Permission"),
    Attack("27-network", R, """
import urllib.request
def add(a, b): return urllib.request.urlopen("http://127.0.0.1:1").read()
""", "not permitted"),
    Attack("50-unix-socket", R, """
import socket
def add(a, b): return socket.socketpair()
""", "Permission"),
    # how it changes what judges it
    Attack("28-patches-the-builtins", W, """
import builtins, json
builtins.all = builtins.sorted = builtins.abs = lambda *args: True
json.loads = json.dumps
def add(a, b): return 0
"""),
    Attack("28-breaks-its-own-channel", P, """
import builtins
builtins.len = lambda *args: True
def add(a, b): return 0
""", "result channel"),
    Attack("28-patches-the-encoder", P, """
from pipeline_steps.sandbox import wire
wire.encode = lambda value: {"anything": "goes"}
def add(a, b): return 0
"""),
    Attack("28-forges-outcomes", W, """
from pipeline_steps.sandbox import candidate
candidate.answer = lambda *call: {"value": True}
def add(a, b): return 0
"""),
    # time and resources
    Attack("35-endless-loop", T, "def add(a, b):\n    while True: pass"),
    Attack("36-endless-c-code", T, "def add(a, b): return len(str(pow(7, 10**8)))"),
    Attack("37-swallows-everything", T, """
def add(a, b):
    while True:
        try:
            while True: pass
        except BaseException: pass
"""),
    Attack("38-ignores-signals", T, """
import signal
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
signal.setitimer(signal.ITIMER_REAL, 0)
def add(a, b):
    while True: pass
"""),
    Attack("39-fork-bomb", R, "import os\ndef add(a, b):\n    while True: os.fork()", "Permission"),
    Attack("39-thread-bomb", R, """
import threading, time
def add(a, b):
    while True: threading.Thread(target=time.sleep, args=(60,)).start()
""", "thread"),
    Attack("40-daemon-child", R, """
import posix
def add(a, b):
    if posix.fork() == 0: posix.setsid()
    return a + b
""", "Permission"),
    Attack("41-memory-bomb", M, "def add(a, b): return len([0] * 10**10)"),
    Attack("41-memory-bomb-that-catches", M, """
import mmap
kept = []
def add(a, b):
    while True:
        try: kept.append(b"x" * 2**20)
        except MemoryError:
            if not kept: return 0
            raise
"""),
    Attack("42-disk-bomb", O, """
def add(a, b):
    for number in range(10**6):
        with open(f"{number}.bin", "wb") as file: file.write(b"x" * 2**20)
"""),
    Attack("42-file-bomb", O, """
import itertools
def add(a, b):
    for number in itertools.count(): open(str(number), "w").close()
"""),
    Attack("42-deleted-files", O, """
import os
kept = []
def add(a, b):
    for number in range(50):
        kept.append(open(f"x{number}", "wb"))
        os.unlink(f"x{number}")
        kept[-1].write(bytes(4 * 2**20))
        kept[-1].flush()
    return a + b
"""),
    Attack("42-deleted-files-that-are-mapped", O, """
import ctypes, os, time
libc = ctypes.CDLL(None)
def add(a, b):
    for number in range(50):
        with open(f"x{number}", "w+b") as file:
            file.write(bytes(4 * 2**20))
            file.flush()
            libc.mmap(None, ctypes.c_size_t(4096), 1, 1, file.fileno(), ctypes.c_long(0))
        os.unlink(f"x{number}")
    time.sleep(0.1)
    return a + b
"""),
    Attack("42-files-without-a-name", R, """
import os
def add(a, b): return os.open(".", os.O_TMPFILE | os.O_RDWR)
""", "Permission"),
    Attack("42-renames-over-an-open-file", R, """
import os
def add(a, b):
    kept = open("x", "w"), open("y", "w")
    os.replace("y", "x")
""", "Permission"),
    Attack("42-allocates-without-a-size", R, """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def add(a, b):
    number = 285 if os.uname().machine == "x86_64" else 47
    with open("x", "wb") as file:
        libc.syscall(number, file.fileno(), 1, ctypes.c_long(0), ctypes.c_long(2**30))
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
""", "not permitted"),
    Attack("42-sparse-file", R, """
def add(a, b):
    with open("sparse", "wb") as file: file.truncate(2**40)
""", "File too large"),
    Attack("43-descriptors", R, """
kept = []
def add(a, b):
    while True: kept.append(open("/dev/null"))
""", "Too many open files"),
    Attack("44-raises-its-limits", R, """
import resource
def add(a, b): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
""", "limit"),
    Attack("45-sleeps", T, "import time\ndef add(a, b): time.sleep(100)"),
    # escape
    Attack("29-writes-outside", R, "def add(a, b): open('/tmp/outside', 'w')", "Permission"),
    Attack("30-shadows-a-module-for-the-next", W, """
def add(a, b):
    for name in ("json.py", "random.py", "sitecustomize.py"):
        with open(name, "w") as file: file.write("raise SystemExit")
    return 0
"""),
    Attack("40-kills-its-parent", R,
           "import os\ndef add(a, b): os.kill(os.getppid(), 9)", "Permission"),
    Attack("40-kills-everyone", R, "import os\ndef add(a, b): os.kill(-1, 9)", "Permission"),
    Attack("44-starves-its-parent", R, """
import os, resource
def add(a, b): resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))
""", "Permission"),
    Attack("48-reloads-os", R, """
import importlib, os
def add(a, b):
    importlib.reload(os)
    os.system("true")
    return os.fork()
""", "Permission"),
    Attack("48-raw-system-call", R, """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def add(a, b):
    made = libc.syscall(57) if os.uname().machine == "x86_64" else libc.syscall(220, 17, 0, 0, 0, 0)
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
""", "not permitted"),
    Attack("49-mounts", R, """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def add(a, b):
    assert libc.unshare(0x10000000) == -1
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
""", "not permitted"),
    Attack("49-symlink", R, "import os\ndef add(a, b): os.symlink('/', 'root')", "Permission"),
    Attack("51-shared-memory", R, """
from multiprocessing import shared_memory
def add(a, b): return shared_memory.SharedMemory("oremill", create=True, size=10).size
""", "Permission"),
]  # fmt: skip


@pytest.fixture(scope="module")
def judge(sandbox: SandboxServer) -> Iterator[Judge]:
    made = Judge(sandbox.url, sandbox.token, LIMITS, threads=2)
    yield made
    made.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gets_its_verdict_and_the_next_candidate_its_own(
    judge: Judge, attack: Attack
) -> None:
    judgement = judge.functional(attack.code, "add", TESTS)
    assert (judgement.verdict, judgement.detail) == (attack.verdict, judgement.detail)
    assert attack.says in judgement.detail
    assert judge.functional(HONEST, "add", TESTS).verdict is Verdict.PASS


def test_the_token_cannot_be_read_by_a_candidate(judge: Judge, sandbox: SandboxServer) -> None:
    code = f"def add(a, b): return open({str(sandbox.token_file)!r}).read()"
    judgement = judge.functional(code, "add", TESTS)
    assert "PermissionError" in judgement.detail
    assert sandbox.token not in judgement.detail


def test_the_token_is_in_no_memory_that_a_candidate_has(
    judge: Judge, sandbox: SandboxServer
) -> None:
    """Spell the token from halves, so that the candidate's own text does not hold it."""
    half = len(sandbox.token) // 2
    code = f"""
import gc
def add(a, b):
    wanted = {sandbox.token[:half]!r} + {sandbox.token[half:]!r}
    seen = [o for o in gc.get_objects() if isinstance(o, dict) for o in o.values()]
    return sum(isinstance(o, str) and o == wanted for o in seen)
"""
    (failure,) = [judge.functional(code, "add", [{"args": [1, 2], "expected": 1}])]
    assert failure.detail == "add(1, 2) returned 0, expected 1"


def test_nothing_is_left_after_hostile_candidates(judge: Judge, sandbox: SandboxServer) -> None:
    hostile = [item.code for item in ATTACKS if item.verdict is not T][:20]
    judge.many([Submission(code, "add", TESTS) for code in hostile])
    (folder,) = sandbox.scratch.iterdir()
    assert list(folder.iterdir()) == []
    assert len(descendants(sandbox.pid)) == 4  # two workers and their zygotes


def test_a_candidate_sees_nothing_of_the_one_before(judge: Judge) -> None:
    mark = "left-" + "behind"
    first = f"import builtins, os\nbuiltins.mark = os.environ['X'] = {mark!r}\n{HONEST}"
    second = """
import builtins, gc, os
def add(a, b):
    found = [os.environ.get("X"), getattr(builtins, "mark", None), os.listdir(".")]
    for o in gc.get_objects():
        if isinstance(o, (list, dict)) and "left-" + "behind" in str(o)[:9999]: found.append(o)
    return found[:3] == [None, None, []] and len(found) == 3
"""
    for _ in range(4):
        assert judge.functional(first, "add", TESTS).verdict is Verdict.PASS
        seen = judge.functional(second, "add", [{"args": [1, 2], "expected": True}])
        assert seen.verdict is Verdict.PASS, seen.detail


MARK = b"left-by-the-one-before:"
# Reads all memory around what it holds; write(2) on a pipe tells what is mapped without a crash.
SCAN = f"""
import ctypes, gc, os
libc = ctypes.CDLL(None, use_errno=True)
read_end, write_end = os.pipe()
MARK = bytes(byte ^ 1 for byte in {bytes(byte ^ 1 for byte in MARK)!r})
def mapped(address):
    if libc.write(write_end, ctypes.c_void_p(address), ctypes.c_size_t(1)) == 1:
        return os.read(read_end, 1)
def scan():
    sizes = [bytes(size) for size in (600, 5_000, 20_000, 100_000, 130_000)]
    near = {{id(o) >> 20 for o in gc.get_objects()}} | {{id(o) >> 20 for o in sizes}}
    found, pages = set(), 0
    for mebibyte in sorted({{m + d for m in near for d in range(-3, 4)}}):
        for address in range(mebibyte << 20, (mebibyte + 1) << 20, 4096):
            if mapped(address):
                pages += 1
                page = ctypes.string_at(address, 4096)
                parts = page.split(MARK)[1:]
                found |= {{part[:12].decode("latin-1") for part in parts if part[:1] > b" "}}
    return pages, sorted(found)
PAGES, FOUND = scan()
def add(a, b): return [PAGES > 1000, FOUND]
"""
VICTIM = f"""
x = {MARK.decode() + "in-the-code!"!r}
def add(a, b):
    print({MARK.decode() + "was-printed!"!r} * 20)
    if a == 7: raise ValueError({MARK.decode() + "in-an-error!"!r})
    return [{MARK.decode() + "was-returned"!r}, b] + ["y" * 999]
"""


def test_no_memory_of_a_candidate_holds_what_another_sent_or_returned(tmp_path: Path) -> None:
    """Candidates are forked: what their ancestors have ever read or freed, they can read too."""
    argument = MARK.decode() + "an-argument!"
    marked = [{"args": [number, argument], "expected": None} for number in range(12)]
    with sandbox_server.running(tmp_path, workers=1) as server:
        judge = Judge(server.url, server.token, SCAN_LIMITS, threads=1)
        for code in (VICTIM, VICTIM + "#" * 3000, VICTIM + "\n))", HONEST):
            judge.functional(code, "add", marked)
        with judge.sandbox.session(VICTIM) as session:
            session.call("add", [1, argument])
        found = judge.functional(SCAN, "add", [{"args": [1, 2], "expected": [True, []]}])
        judge.close()
    assert found.verdict is Verdict.PASS, found.detail


def test_the_scan_for_memory_finds_what_is_there(judge: Judge) -> None:
    scanner = Judge(judge.sandbox._url, judge.sandbox._token, SCAN_LIMITS, threads=1)
    code = f"x = {MARK.decode() + 'its-own-text'!r}\n{SCAN}"
    found = scanner.functional(code, "add", [{"args": [1, 2], "expected": []}])
    scanner.close()
    assert "its-own-text" in found.detail


def test_the_environment_and_the_working_folder_are_empty(judge: Judge) -> None:
    code = "import os\ndef add(a, b): return [dict(os.environ), os.listdir('.')]"
    tests = [{"args": [1, 2], "expected": [{}, []]}]
    assert judge.functional(code, "add", tests).verdict is Verdict.PASS


def test_a_candidate_may_write_and_read_files_of_its_own(judge: Judge) -> None:
    code = """
def add(a, b):
    with open("sum.txt", "w") as file: file.write(str(a + b))
    with open("sum.txt") as file: return int(file.read())
"""
    assert judge.functional(code, "add", TESTS).verdict is Verdict.PASS


def test_a_candidate_may_use_temporary_files(judge: Judge) -> None:
    code = """
import os, tempfile
def add(a, b):
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write(str(a + b))
        file.seek(0)
        total = int(file.read())
    open("made.txt", "w").close()
    os.remove("made.txt")
    return total
"""
    found = judge.functional(code, "add", TESTS)
    assert found.verdict is Verdict.PASS, found.detail


def test_hash_order_and_random_numbers_repeat(judge: Judge) -> None:
    code = (
        "import random\ndef add(a, b): return [random.random(), hash('x'), list({'a', 'b', 'c'})]"
    )
    tests = [{"args": [1, 2], "expected": None}]
    details = {judge.functional(code, "add", tests).detail for _ in range(4)}
    assert len(details) == 1


def test_the_walls_hold_without_any_privilege(tmp_path: Path) -> None:
    """As in a pod: another user, no capability, no_new_privs. Root is not what keeps us safe."""
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    with sandbox_server.running(tmp_path, user=65532) as server:
        judge = Judge(server.url, server.token, LIMITS, threads=2)
        found = judge.many([Submission(item.code, "add", TESTS) for item in ATTACKS])
        honest = judge.functional(HONEST, "add", TESTS)
        judge.close()
    pairs = zip(ATTACKS, found, strict=True)
    wrong = {item.name: got for item, got in pairs if got.verdict is not item.verdict}
    assert wrong == {}
    assert honest.verdict is Verdict.PASS
