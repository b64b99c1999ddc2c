"""A progress bar on stderr that follows market time, where there is a terminal to show it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.rehearsal.market_time import MarketTime

_STEPS = 200


@contextmanager
def market_progress(clock: MarketTime, start_ns: int, end_ns: int, *, wanted: bool) -> Iterator[None]:
    """Show how far market time has come between two instants, while the block lasts."""
    if not (wanted and sys.stderr.isatty()):
        yield
        return
    # Only a person at a terminal waits for a bar; everybody else need not wait for its import.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    span_ns = max(1, end_ns - start_ns)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    task = bar.add_task("market time", total=_STEPS)

    def tick() -> None:
        now_ns = clock.now_ns()
        bar.update(task, completed=(now_ns - start_ns) * _STEPS // span_ns, refresh=True)
        clock.call_at(now_ns + max(1, span_ns // _STEPS), tick)

    with bar:
        tick()
        yield
