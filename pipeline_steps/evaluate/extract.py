"""The program in a model's answer. Nothing in an answer is ever run to find out.

A chat answer may hold prose and fenced blocks. The rule, the same for every model: the last closed
block that is tagged Python or not at all; else what follows a fence that was never closed (the
answer met its length limit); else the whole answer. A fence counts only at the start of a line, and
closes with at least as many backticks as it opened with, so that fences inside a longer one are its
text.
"""

import re
from collections.abc import Iterable

PYTHON = {"", "python", "py", "python3"}
FENCE = re.compile(r"^ {0,3}(`{3,})[ \t]*([\w+.-]*)[^\n`]*$")


def program(answer: str) -> str:
    """Return the program of a chat answer."""
    closed, unclosed = _blocks(answer.splitlines())
    if closed:
        return closed[-1]
    return answer if unclosed is None else unclosed


def cut(answer: str, stops: Iterable[str]) -> str:
    """Return a completion up to the first of `stops`."""
    found = [place for place in map(answer.find, stops) if place >= 0]
    return answer[: min(found)] if found else answer


def _blocks(lines: list[str]) -> tuple[list[str], str | None]:
    """Return the closed Python blocks, and the text of a Python block that is still open."""
    closed: list[str] = []
    ticks, tag, body = "", "", list[str]()
    for line in lines:
        fence = FENCE.match(line)
        if not ticks and fence:
            ticks, tag, body = fence[1], fence[2].lower(), []
        elif fence and not fence[2] and len(fence[1]) >= len(ticks):
            closed += [_text(body)] if tag in PYTHON else []
            ticks = ""
        else:
            body.append(line)
    return closed, _text(body) if ticks and tag in PYTHON else None


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
