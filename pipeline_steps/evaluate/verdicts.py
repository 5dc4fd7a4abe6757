"""What a judge says of an answer."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The nine verdicts; the first that applies."""

    PASS = "PASS"
    WRONG_ANSWER = "WRONG_ANSWER"
    RUNTIME_ERROR = "RUNTIME_ERROR"  # an exception, a signal, or an exit without an answer
    COMPILE_ERROR = "COMPILE_ERROR"
    TIME_LIMIT = "TIME_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"  # printed, returned or wrote to files too much
    PROTOCOL_VIOLATION = "PROTOCOL_VIOLATION"  # tampered, or returned what is no plain value
    JUDGE_ERROR = "JUDGE_ERROR"  # ours: never a reward, never in a denominator


@dataclass(frozen=True)
class Judgement:
    """A verdict on one answer, and why."""

    verdict: Verdict
    passed: int  # tests
    total: int
    detail: str = ""  # the first failure, in words that a model can learn from
