"""What a panel is given to paint: the core's snapshot, and what the person in front of it has chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

from console.actions import ACTIONS, Action, shown_key
from console.glyphs import UNICODE, Glyphs
from core.domain.groups import MultiLegOrderGroup
from core.engine.snapshot import LogLine, Snapshot


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of the console.

    ``order`` holds the ids of the groups, worst first; ``silent_ms`` is the wall time since the core last
    published; ``core_stopped`` says why the core is no longer running, if it is not. ``notices`` are the
    console's own lines for the log, oldest first. ``focus`` names the panel that the arrow keys move in.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    glyphs: Glyphs = UNICODE
    order: tuple[str, ...] = ()
    selected: str = ""
    focus: str = "groups"
    silent_ms: int = 0
    core_stopped: str = ""
    notices: tuple[LogLine, ...] = ()
    observe: bool = False
    alert_selected: str = ""
    log_offset: int = 0
    rows: tuple[str, ...] = ()
    """The ids of the groups to show as rows: those of ``order`` that the filter lets through, sorted."""
    filter: str = ""
    sort: str = ""
    """How the rows are sorted, in words; empty for the worst first."""
    actions: tuple[Action, ...] = ACTIONS
    """Everything that can be done, with the keys that this person has chosen."""
    flash: str = ""
    """What the console has just done or refused, or what it waits for before it closes."""

    @property
    def group(self) -> MultiLegOrderGroup | None:
        """The selected group."""
        return self.snapshot.account.groups.get(self.selected)

    def key_of(self, key: str) -> str:
        """The key that does here what ``key`` does by default."""
        own = next((each.name for each in ACTIONS if shown_key(each.key, self.glyphs) == key), "")
        return next((shown_key(each.key, self.glyphs) for each in self.actions if each.name == own), key)

    @property
    def quotes_old_ms(self) -> int | None:
        """How old the market is where that is too old to rely on."""
        age, view = self.snapshot.health.quotes_age_ms, self.snapshot.view
        return age if age is not None and age > view.stale_after_ns // 1_000_000 else None

    @property
    def is_blind(self) -> bool:
        """Whether the exposure is worked out from quotes that are too old; a record of the past never is."""
        return self.snapshot.total.blind and self.snapshot.recorded is None

    @property
    def core_is_silent(self) -> bool:
        """Whether the core has not published for more than twice its period, and has not simply finished."""
        running = not self.snapshot.finished and self.snapshot.recorded is None
        return running and self.silent_ms > SILENT_AFTER_MS


PUBLISH_EVERY_MS = 500
"""The core publishes at least this often while it runs: its monitor passes every 100 ms."""
SILENT_AFTER_MS = 2 * PUBLISH_EVERY_MS
