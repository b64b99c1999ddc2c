"""Lines of text with tones: plain, comparable values that a panel can diff before anything is rendered.

A *span* is a text and its tone (see ``Palette.style``); a *line* is a tuple of spans. All functions return
new lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from console.theming import Palette

Span = tuple[str, str]
Line = tuple[Span, ...]

BLANK: Line = ()


@lru_cache(maxsize=4096)
def cells(text: str) -> int:
    """The cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def line(*parts: str | Span) -> Line:
    """A line of spans; a bare string has the tone of ordinary text."""
    return tuple((part, "text") if isinstance(part, str) else part for part in parts)


def width_of(spans: Iterable[Span]) -> int:
    """The cells a line takes."""
    return sum(cells(text) for text, _ in spans)


def cut(spans: Sequence[Span], width: int, ellipsis: str = "…") -> Line:
    """The line in at most ``width`` cells; where something is lost, an ellipsis says so."""
    if width_of(spans) <= width:
        return tuple(spans)
    kept: list[Span] = []
    room = max(0, width - cells(ellipsis))
    for text, tone in spans:
        size = cells(text)
        if size > room:
            if width > 0:
                kept.append((set_cell_size(text, room) + ellipsis, tone))
            break
        kept.append((text, tone))
        room -= size
    return tuple(kept)


def pad(spans: Sequence[Span], width: int, tone: str = "text") -> Line:
    """The line in exactly ``width`` cells."""
    short = width - width_of(spans)
    if short < 0:
        return cut(spans, width)
    return (*spans, (" " * short, tone)) if short else tuple(spans)


def spread(left: Sequence[Span], right: Sequence[Span], width: int) -> Line:
    """``left`` and ``right`` at the two ends of ``width`` cells; the left one gives way."""
    right = cut(right, width)
    room = width - width_of(right)
    return (*pad(cut(left, max(0, room - (1 if right else 0))), room), *right)


def fill(text: str, width: int, *, right: bool = False) -> str:
    """A cell's text in exactly ``width`` cells, to the right for numbers."""
    size = cells(text)
    if size > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    return " " * (width - size) + text if right else text + " " * (width - size)


def toned(spans: Iterable[Span], tone: str) -> Line:
    """The same text, all of it in one tone."""
    return tuple((text, tone) for text, _ in spans)


def wrap(spans: Sequence[Span], width: int, indent: int = 0) -> list[Line]:
    """The line broken at spaces into lines of at most ``width`` cells, the later ones indented."""
    lines: list[Line] = []
    current: list[Span] = []
    used = 0
    for text, tone in spans:
        for word in _words(text):
            size = cells(word)
            if used + cells(word.rstrip()) > width and used > indent:
                lines.append(tuple(current))
                current, used = ([(" " * indent, "text")] if indent else []), indent
                word = word.lstrip()
                size = cells(word)
            if current and current[-1][1] == tone:
                current[-1] = (current[-1][0] + word, tone)
            else:
                current.append((word, tone))
            used += size
    if current:
        lines.append(tuple(current))
    return [cut(_without_last_spaces(each), width) for each in lines]


def _without_last_spaces(spans: Line) -> Line:
    """The line without the space that its last word was followed by: it must not push the word out."""
    if not spans or not spans[-1][0].endswith(" "):
        return spans
    return (*spans[:-1], (spans[-1][0].rstrip(" "), spans[-1][1]))


def _words(text: str) -> list[str]:
    """The words of a text, each with the spaces that follow it."""
    words: list[str] = []
    start = 0
    while start < len(text):
        end = text.find(" ", start)
        if end < 0:
            words.append(text[start:])
            break
        while end < len(text) and text[end] == " ":
            end += 1
        words.append(text[start:end])
        start = end
    return words


PLAIN_FORMS = str.maketrans({"…": "~", "−": "-", "–": "-", "—": "-", "×": "x", "·": ".", "₹": "R", "→": ">"})


@lru_cache(maxsize=4096)
def ascii_form(text: str) -> str:
    """The text for a terminal that has only ASCII, in as many cells; what has no form becomes question
    marks.
    """
    if text.isascii():
        return text
    formed = text.translate(PLAIN_FORMS)
    return "".join(letter if letter.isascii() else "?" * cell_len(letter) for letter in formed)


def plain(spans: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(text for text, _ in spans)


def strip_of(spans: Sequence[Span], width: int, palette: Palette, ground: str = "ground") -> Strip:
    """The line as Textual paints it, exactly ``width`` cells wide."""
    style = palette.style
    return Strip([Segment(text, style(tone, ground)) for text, tone in pad(spans, width)], width)
