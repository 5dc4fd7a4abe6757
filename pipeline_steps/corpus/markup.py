"""What a reader sees of an HTML page, found in one walk that no page can make slow."""

import html
import re

_TAG = re.compile("<[A-Za-z/!?]")
# Content that is not shown, by the tag that opens it; to the tag that closes it, or to the end.
_HIDDEN = re.compile(r"<(script|style|template|noscript|head)\b", re.IGNORECASE)
_CLOSES = {
    name: re.compile(rf"</{name}\b", re.IGNORECASE)
    for name in ("script", "style", "template", "noscript", "head")
}


def visible(page: str) -> str:
    """Return the text of a page, white space run together."""
    pieces, position = [], 0
    while (start := page.find("<", position)) >= 0:
        pieces.append(page[position:start])
        position = _after_tag(page, start)
        if position < 0:
            break
        if position == start:  # a lone sign: a < b
            pieces.append("<")
            position += 1
    else:
        pieces.append(page[position:])
    return " ".join(html.unescape("".join(pieces)).split())


def _after_tag(page: str, start: int) -> int:
    """Return where the tag or comment at `start` ends; `start` if it is none, -1 if at no place."""
    if page.startswith("<!--", start):
        end = page.find("-->", start)
        return end + 3 if end >= 0 else -1
    if not _TAG.match(page, start):
        return start
    hidden = _HIDDEN.match(page, start)
    if hidden:
        closing = _CLOSES[hidden[1].lower()].search(page, hidden.end())
        return closing.start() if closing else -1
    end = page.find(">", start)
    return end + 1 if end >= 0 else -1
