"""Where a person is on the screen: the panel that has the arrow keys, and what is selected in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.arranging import WORST
from console.panels.alerts import open_alerts
from core.engine.snapshot import Snapshot

PANELS = ("groups", "alerts", "log")
PAGE = 10


@dataclass
class Selection:
    """``group`` and ``alert`` are ids, empty for the first; ``log_offset`` counts the newer lines scrolled
    past.
    """

    panel: str = "groups"
    group: str = ""
    alert: str = ""
    log_offset: int = 0
    filter: str = ""
    """Words that a shown group or log line must have."""
    sort: str = WORST
    zoomed: bool = False
    """Whether the panel with the arrow keys fills the screen."""
    preset: int = 1

    def follow(self, snapshot: Snapshot, order: Sequence[str]) -> None:
        """Keep to what is shown: a group that is gone or filtered out gives way to the first of the rows, so
        that no key ever means a group that nobody sees.
        """
        if self.group not in order:
            self.group = order[0] if order else ""
        self.log_offset = min(self.log_offset, max(0, len(snapshot.log) - 1))

    def move(self, step: int, snapshot: Snapshot, order: Sequence[str]) -> None:
        """Go ``step`` places on in the panel that has the arrow keys, stopping at either end."""
        if self.panel == "log":
            self.scroll_log(step, snapshot)
        elif self.panel == "alerts":
            self.alert = _next_of([alert.alert_id for alert in open_alerts(snapshot)], self.alert, step)
        else:
            self.group = _next_of(order, self.group, step)

    def scroll_log(self, lines: int, snapshot: Snapshot) -> None:
        """Move in the log; 0 is its newest line."""
        self.log_offset = min(max(0, self.log_offset + lines), max(0, len(snapshot.log) - 1))

    def home(self, order: Sequence[str]) -> None:
        """Back to the first line of the panel."""
        if self.panel == "log":
            self.log_offset = 0
        elif self.panel == "alerts":
            self.alert = ""
        else:
            self.group = order[0] if order else ""

    def next_panel(self) -> None:
        """Give the arrow keys to the next panel."""
        self.panel = PANELS[(PANELS.index(self.panel) + 1) % len(PANELS)]


def _next_of(names: Sequence[str], current: str, step: int) -> str:
    """The name ``step`` places on; the first or the last where the current one is gone."""
    if not names:
        return ""
    if current not in names:
        return names[0] if step > 0 else names[-1]
    return names[min(max(0, names.index(current) + step), len(names) - 1)]
