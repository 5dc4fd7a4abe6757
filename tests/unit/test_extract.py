"""Which program is in an answer: one rule, tricks included."""

import pytest

from pipeline_steps.evaluate.extract import cut, program

F = "def f():\n    return 1\n"
G = "def g():\n    return 2\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (F, F),
        (f"```python\n{F}```", F),
        (f"Here it is:\n\n```py\n{F}```\nIt returns 1.", F),
        (f"```\n{F}```", F),
        (f"```Python3 title=x\n{F}```", F),
        (f"```python\n{F}```\nBetter:\n```python\n{G}```", G),
        (f"```python\n{F}```\nRun it:\n```bash\npython f.py\n```", F),
        (f"```json\n{{}}\n```\n{F}", f"```json\n{{}}\n```\n{F}"),
        (f"```python\n{F}", F),
        (f"````python\n{F}# ```\n{G}````", f"{F}# ```\n{G}"),
        (f"```python\ns = '''\n```python\n'''\n{F}```", f"s = '''\n```python\n'''\n{F}"),
        (f"text ```python\n{F}", f"text ```python\n{F}"),
        ("", ""),
    ],
    ids=[
        "bare", "fenced", "prose", "untagged", "info", "last-of-two", "other-language",
        "only-other-language", "unclosed", "longer-fence", "nested-opening", "inline", "empty",
    ],
)  # fmt: skip
def test_the_program_of_an_answer(answer: str, expected: str) -> None:
    assert program(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("a\ndef b", "a"), ("a\n#b\ndef c", "a"), ("a", "a"), ("\ndef b", "")],
    ids=["one", "first", "none", "at-once"],
)
def test_a_completion_ends_before_the_first_stop(answer: str, expected: str) -> None:
    assert cut(answer, ("\ndef ", "\n#")) == expected
