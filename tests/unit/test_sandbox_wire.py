"""Values and frames: what cannot be said exactly is refused, whoever says it."""

import json
import struct
from typing import Any

import pytest

from pipeline_steps.sandbox import frames, seccomp, wire

INFINITY = float("inf")


class Int(int):
    """Passes for an int wherever `==` or isinstance decides."""


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -7, 2**64, -(2**64), 1 << 20_000, 1.5, -0.0, INFINITY, 1e-320, 2j, "",
        "é\0\n", "\ud800", b"\0\xff", [], [1, [2]], (), (1, (2,)), {},
        {"a": [1]}, {1: 2, "1": 3, (1, 2): 4}, set(), {1, "a"}, frozenset({1.5}),
        [None, [True, {"k": (1, {2})}]],
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else "int",
)  # fmt: skip
def test_a_value_comes_back_exactly(value: Any) -> None:
    back = wire.decode(json.loads(json.dumps(wire.encode(value))))
    assert type(back) is type(value)
    assert back == value
    if isinstance(value, float):
        assert struct.pack("d", back) == struct.pack("d", value)


@pytest.mark.parametrize(
    "value",
    [object(), Int(3), iter([]), type, len, [Int(1)], {"a": object()}, {Int(1): 1}, range(3)],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_value_has_no_form(value: Any) -> None:
    with pytest.raises(wire.Unrepresentable):
        wire.encode(value)


def test_a_cycle_has_no_form() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(wire.Unrepresentable):
        wire.encode(value)


@pytest.mark.parametrize(
    "form",
    [
        1.5, {}, {"int": 1}, {"int": "z"}, {"float": 1}, {"list": []}, {"bytes": "0"},
        {"dict": [1]}, {"set": [[1]]}, {"dict": [[[], 1]]}, {"tuple": 1}, {"eval": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_forged_form_is_refused(form: Any) -> None:
    with pytest.raises(ValueError):
        wire.decode(form)


NONCE = "0" * 32


def test_frames_are_read_however_they_arrive() -> None:
    sent = [{"loaded": True}, {"value": "x" * 1000}, {"value": None}]
    data = b"".join(frames.written(NONCE, record) for record in sent)
    for size in (1, 7, 1000, len(data)):
        reader = frames.Reader(NONCE)
        parts = (data[start : start + size] for start in range(0, len(data), size))
        assert [record for part in parts for record in reader.feed(part)] == sent


@pytest.mark.parametrize(
    "data",
    [
        b"x", b'{"value": 1}', frames.written("1" * 32, {"value": 1}),
        f"{NONCE} ".encode() + b"9" * 99, f"{NONCE} -1\n".encode(),
        f"{NONCE} 2\n[]".encode(), f"{NONCE} 2\n{{}}".encode(),
        frames.written(NONCE, {"verdict": "PASS"}),
        frames.written(NONCE, {"value": 1, "error": ""}),
        f"{NONCE} 600\n".encode() + b"[" * 600, f'{NONCE} 5012\n{{"value":'.encode() + b"[" * 5003,
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        frames.Reader(NONCE).feed(data)


def test_deep_nesting_is_refused_though_it_parses() -> None:
    form: Any = 1
    for _ in range(300):
        form = [form]
    with pytest.raises(ValueError, match="deep"):
        frames.Reader(NONCE).feed(frames.written(NONCE, {"value": form}))


def run(code: bytes, number: int, argument: int = 0, architecture: int = 0xC000003E) -> int:
    """Interpret the few instructions that the filter uses, as the kernel does."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    accumulator, at = 0, 0
    while True:
        operation, yes, no, constant = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if operation == seccomp.LOAD:
            (accumulator,) = struct.unpack_from("=I", data, constant)
        elif operation == seccomp.RETURN:
            return constant
        else:
            holds = {
                seccomp.EQUAL: accumulator == constant,
                seccomp.AT_LEAST: accumulator >= constant,
                seccomp.ANY_BIT: bool(accumulator & constant),
            }[operation]
            at += yes if holds else no


X86 = seccomp.program(1234, "x86_64")


@pytest.mark.parametrize(
    ("number", "argument", "action"),
    [
        (0, 0, seccomp.ALLOW), (41, 0, seccomp.REFUSE), (57, 0, seccomp.REFUSE),
        (59, 0, seccomp.REFUSE), (101, 0, seccomp.REFUSE), (435, 0, seccomp.ABSENT),
        (56, 0x10000, seccomp.ALLOW), (56, 17, seccomp.REFUSE), (62, 1234, seccomp.ALLOW),
        (62, 1, seccomp.REFUSE), (62, 2**32 - 1, seccomp.REFUSE), (302, 0, seccomp.ALLOW),
        (302, 1, seccomp.REFUSE), (500, 0, seccomp.ABSENT), (0x40000000 | 41, 0, seccomp.ABSENT),
    ],
    ids=[
        "read", "socket", "fork", "execve", "ptrace", "clone3", "thread", "clone", "kill-self",
        "kill-1", "kill-all", "own-limits", "others-limits", "newer-call", "x32",
    ],
)  # fmt: skip
def test_the_filter_decides_each_call(number: int, argument: int, action: int) -> None:
    assert run(X86, number, argument) == action


def test_another_architecture_is_killed() -> None:
    assert run(X86, 0, architecture=0x40000003) == seccomp.KILL_PROCESS


def test_the_filter_on_arm_knows_its_own_numbers() -> None:
    code = seccomp.program(1234, "aarch64")
    assert run(code, 198, architecture=0xC00000B7) == seccomp.REFUSE
    assert run(code, 57, architecture=0xC00000B7) == seccomp.ALLOW  # close


def test_an_unknown_machine_gets_no_sandbox() -> None:
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program(1, "riscv64")
