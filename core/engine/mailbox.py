"""In which order what waited together is decided: first all that is known, then what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.domain.inputs import AllNews, BooksRead, CoreStarted, Input, JournalTrouble, News


def in_order(items: Iterable[Input]) -> list[Input]:
    """The start, the journal's trouble, then all news as one input, and only then whatever is no news.

    What is decided between two news would be decided on half of what is known. Whole books come last among
    them, because an order is absent only when no news of it is waiting.
    """
    single = list(_single(items))
    news: list[News] = [item for item in single if isinstance(item, News) and not isinstance(item, BooksRead)]
    news += [item for item in single if isinstance(item, BooksRead)]
    together: list[Input] = [AllNews(tuple(news))] if len(news) > 1 else list(news)
    return [
        *(item for item in single if isinstance(item, CoreStarted)),
        *(item for item in single if isinstance(item, JournalTrouble)),
        *together,
        *(item for item in single if not isinstance(item, News | CoreStarted | JournalTrouble)),
    ]


def _single(items: Iterable[Input]) -> Iterator[Input]:
    for item in items:
        if isinstance(item, AllNews):
            yield from item.items
        else:
            yield item
