"""How a person looks at the screen: filter, order, zoom, arrangement, runbook, palette, copies and bundles.

Nothing here tells the core anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.actions import Action
from console.arranging import next_sort
from console.bundle import bundle_name, text_of, write_bundle
from console.options import ConsoleOptions
from console.overlays.overlay import Overlay
from console.panels.alerts import open_alerts
from console.preview import legging_groups
from console.runbook import pages_for
from console.scene import Scene
from console.screens.main import PRESETS, MainScreen
from console.selection import Selection
from console.wording import listed
from core.domain.groups import MultiLegOrderGroup
from core.engine.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Viewing:
    """The half of the app's actions that change only the picture; mixed into the app, which has the rest."""

    options: ConsoleOptions
    snapshot: Snapshot
    main: MainScreen
    selection: Selection
    core_stopped: str = ""
    actions: tuple[Action, ...]
    _delayed: str = ""
    _writing: asyncio.Task[None] | None = None

    if TYPE_CHECKING:

        def scene(self) -> Scene: ...

        def notice(self, text: str, tone: str = "info") -> None: ...

        def repaint_all(self) -> None: ...

        def open_overlay(self, overlay: Overlay) -> None: ...

        def close_overlay(self) -> None: ...

        def call_after_refresh(self, callback: Callable[..., object], *arguments: object) -> bool: ...

        def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str: ...

        def copy_to_clipboard(self, text: str) -> None: ...

        def run_action(
            self, action: Any, default_namespace: Any = None, namespaces: Any = None
        ) -> Coroutine[Any, Any, bool]: ...

    def wire_views(self) -> None:
        """Let the overlays of this half answer here."""
        self.main.palette_overlay.closed = self.close_overlay
        self.main.palette_overlay.chosen = self._do
        self.main.filter.closed = self.close_overlay
        self.main.filter.changed = self._filter_by
        self.main.runbook.closed = self.close_overlay

    def show_answer(self) -> None:
        """Paint what became of a key; an overlay that came up is painted already, and must not wait."""
        if self.main.open is None:
            self.repaint_all()

    def _do(self, action: Action) -> None:
        self.call_after_refresh(self.run_action, action.name)

    def must_wait(self, name: str) -> bool:
        """Whether an action that holds the loop has to wait until no group is legging; says so, and it will
        be done then.
        """
        legging = self._held_by()
        if not legging:
            return False
        label = next(action.label for action in self.actions if action.name == name)
        self._delayed = name
        names = listed([group.group_id for group in legging])
        one = "is" if len(legging) == 1 else "are"
        self.notice(f"{label}: waits until {names} {one} no longer legging, then comes by itself.")
        self.repaint_all()
        return True

    def _held_by(self) -> list[MultiLegOrderGroup]:
        """The groups that need the loop for themselves; none in the past, or over a core that has ended."""
        over = self.snapshot.finished or self.core_stopped or self.options.transport is not None
        return [] if over else legging_groups(self.snapshot)

    def do_delayed(self) -> None:
        """Do what had to wait, once it may and nobody is in the middle of something else."""
        main: MainScreen | None = getattr(self, "main", None)
        if self._delayed and main is not None and main.open is None and not self._held_by():
            name, self._delayed = self._delayed, ""
            self.call_after_refresh(self.run_action, name)

    def action_palette(self) -> None:
        """Offer everything that can be done; it waits while a group is legging."""
        if self.must_wait("palette"):
            return
        self.main.palette_overlay.begin(self.actions)
        self.open_overlay(self.main.palette_overlay)

    def action_runbook(self) -> None:
        """Open the runbook at what is selected."""
        alert = ""
        if self.selection.panel == "alerts":
            shown = [each.alert_id for each in open_alerts(self.snapshot)]
            alert = self.selection.alert or (shown[0] if shown else "")
        self.main.runbook.open_at(pages_for(self.snapshot, self.selection.group, alert))
        self.open_overlay(self.main.runbook)

    def action_filter(self) -> None:
        """Ask for the words of the filter."""
        self.main.filter.typed = self.selection.filter
        self.open_overlay(self.main.filter)

    def _filter_by(self, text: str) -> None:
        self.selection.filter = text
        self.selection.log_offset = 0
        self.repaint_all()

    def action_clear(self) -> None:
        """Back to everything: no filter, no zoom, and nothing waited for any more."""
        self._delayed = ""
        self.selection.filter = ""
        if self.selection.zoomed:
            self.action_zoom()
        self.repaint_all()

    def action_sort(self) -> None:
        """Another order of the groups."""
        self.selection.sort = next_sort(self.selection.sort)
        self.notice(f"Groups: {self.selection.sort}.")
        self.repaint_all()

    def action_zoom(self) -> None:
        """Let the panel that has the arrow keys fill the screen, or give the others their places back."""
        self.selection.zoomed = not self.selection.zoomed
        self.arrange()

    def action_preset(self, number: int) -> None:
        """Another arrangement of the panels."""
        self.selection.preset, self.selection.zoomed = number, False
        self.notice(f"Arrangement {number}: {PRESETS[number]}.")
        self.arrange()

    def arrange(self) -> None:
        """Bring the screen into the arrangement chosen, and paint what came to light."""
        zoomed = self.selection.panel if self.selection.zoomed else ""
        self.main.show_arrangement(self.selection.preset, zoomed)
        self.call_after_refresh(self.repaint_all)

    def action_copy(self) -> None:
        """Put the text of the panel that has the arrow keys on the clipboard of the terminal."""
        panel = self.main.page or self.main.panel(self.selection.panel)
        text = text_of(panel.lines)
        self.copy_to_clipboard(text)
        count = len(text.splitlines())
        self.notice(
            f"{panel.TITLE}: {count} lines sent to the terminal's clipboard; not every terminal takes it."
        )
        self.repaint_all()

    def action_export(self) -> None:
        """Write an incident bundle; the loop only draws the picture, a thread writes the files."""
        if self._writing is not None and not self._writing.done():
            self.notice("The last incident bundle is still being written.")
            return
        scene = self.scene()
        folder = self.options.incidents_folder / bundle_name(scene.snapshot, scene.selected)
        picture = self.export_screenshot(title="hedgerow")
        self._writing = asyncio.create_task(self._export(folder, scene, picture))

    async def _export(self, folder: Path, scene: Scene, picture: str) -> None:
        try:
            made = await asyncio.to_thread(write_bundle, folder, scene, picture, self.options.journal_tail)
        except Exception as error:
            self.notice(f"The incident bundle could not be written to {folder}: {error}.", "warn")
        else:
            self.notice(f"Incident bundle written: {made}")
