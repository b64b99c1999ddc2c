"""The main screen: where each panel stands, and the overlays above them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen

from console.actions import Action
from console.glyphs import Glyphs
from console.overlays.filter import FilterOverlay
from console.overlays.flatten import FlattenOverlay
from console.overlays.help import HelpOverlay
from console.overlays.kill import KillOverlay
from console.overlays.overlay import KeyPress, Overlay
from console.overlays.palette import PaletteOverlay
from console.overlays.quit import QuitOverlay
from console.overlays.recover import RecoverOverlay
from console.overlays.runbook import RunbookOverlay
from console.overlays.seek import SeekOverlay
from console.overlays.ticket import TicketOverlay
from console.pages.alerts import AlertsPage
from console.pages.group import GroupPage
from console.pages.health import HealthPage
from console.pages.page import Page
from console.pages.positions import PositionsPage
from console.panels.alerts import AlertsPanel
from console.panels.delta import DeltaPanel
from console.panels.footer import Footer
from console.panels.groups import GroupsPanel
from console.panels.header import Header
from console.panels.lag import LagPanel
from console.panels.legs import LegsPanel
from console.panels.log import LogPanel
from console.panels.margin import MarginPanel
from console.panels.reconciliation import ReconciliationPanel
from console.panels.small import SMALLEST, SmallPanel
from console.panels.transport import TransportBar
from console.scene import Scene
from console.theming import Palette
from console.widgets.framed import FramedPanel, LinePainter

log = logging.getLogger("hedgerow.console")

SLOTS = 4
"""The panels are painted a quarter at a time over one period, so that no single step is long."""


PRESETS = {
    1: "every panel",
    2: "groups, legs and meters",
    3: "groups, alerts and log",
    4: "groups and a tall log",
}
HIDDEN: Mapping[str, frozenset[str]] = {
    "1": frozenset(),
    "2": frozenset({"bottom"}),
    "3": frozenset({"legs", "right"}),
    "4": frozenset({"legs", "right", "alerts"}),
    "groups": frozenset({"legs", "right", "bottom"}),
    "alerts": frozenset({"top", "log"}),
    "log": frozenset({"top", "alerts"}),
}
"""What each preset, and a zoom into each panel, takes from the screen."""


class OverlayKey(Message):
    """A key for the overlay that is open."""

    def __init__(self, event: events.Key) -> None:
        super().__init__()
        self.event = event


class MainScreen(Screen[None], inherit_bindings=False):
    """Panels and overlays; it decides nothing."""

    AUTO_FOCUS = ""

    def __init__(self, palette: Palette, glyphs: Glyphs) -> None:
        super().__init__()
        self.header = Header(palette, glyphs, id="header")
        self.footer = Footer(palette, glyphs, id="footer")
        self.groups = GroupsPanel(palette, glyphs, id="groups")
        self.legs = LegsPanel(palette, glyphs, id="legs")
        self.delta = DeltaPanel(palette, glyphs, id="delta")
        self.margin = MarginPanel(palette, glyphs, id="margin")
        self.lag = LagPanel(palette, glyphs, id="lag")
        self.reconciliation = ReconciliationPanel(palette, glyphs, id="reconciliation")
        self.alerts = AlertsPanel(palette, glyphs, id="alerts")
        self.log_panel = LogPanel(palette, glyphs, id="log")
        self.small = SmallPanel(palette, glyphs, id="small", classes="overlay")
        self.flatten = FlattenOverlay(palette, glyphs, id="flatten")
        self.kill = KillOverlay(palette, glyphs, id="kill")
        self.quit = QuitOverlay(palette, glyphs, id="quit")
        self.help = HelpOverlay(palette, glyphs, id="help")
        self.palette_overlay = PaletteOverlay(palette, glyphs, id="palette")
        self.filter = FilterOverlay(palette, glyphs, id="filter")
        self.runbook = RunbookOverlay(palette, glyphs, id="runbook")
        self.ticket = TicketOverlay(palette, glyphs, id="ticket")
        self.recover = RecoverOverlay(palette, glyphs, id="recover")
        self.overlays: tuple[Overlay, ...] = (
            *(self.ticket, self.recover),
            *(self.flatten, self.kill, self.quit, self.help),
            *(self.palette_overlay, self.filter, self.runbook),
        )
        self.seek = SeekOverlay(palette, glyphs, id="seek")
        self.overlays = (*self.overlays, self.seek)
        self.transport = TransportBar(palette, glyphs, id="transport")
        self.open: Overlay | None = None
        self.group_page = GroupPage(palette, glyphs, id="group-page")
        self.positions_page = PositionsPage(palette, glyphs, id="positions-page")
        self.alerts_page = AlertsPage(palette, glyphs, id="alerts-page")
        self.health_page = HealthPage(palette, glyphs, id="health-page")
        self.pages: tuple[Page, ...] = (
            *(self.group_page, self.positions_page),
            *(self.alerts_page, self.health_page),
        )
        self.page: Page | None = None
        """The page that stands in the place of the panels."""
        self._slots: tuple[tuple[FramedPanel, ...], ...] = (
            (self.groups, self.small),
            (self.legs, self.delta),
            (self.margin, self.lag, self.reconciliation),
            (self.alerts, self.log_panel),
        )
        self._failed: set[str] = set()

    def compose(self) -> ComposeResult:
        """Everything, once: nothing is mounted while trading."""
        yield self.header
        with Vertical(id="body"):
            with Horizontal(id="top"):
                with Vertical(id="left"):
                    yield self.groups
                    yield self.legs
                with Vertical(id="right"):
                    yield self.delta
                    yield self.margin
                    yield self.lag
                    yield self.reconciliation
            with Horizontal(id="bottom"):
                yield self.alerts
                yield self.log_panel
        yield self.transport
        yield self.footer
        yield from self.pages
        yield self.small
        yield from self.overlays

    @property
    def painters(self) -> Iterable[LinePainter]:
        """Every part that wears the theme."""
        panels = (panel for slot in self._slots for panel in slot)
        return (self.header, self.transport, self.footer, *panels, *self.pages, *self.overlays)

    @property
    def is_small(self) -> bool:
        """Whether the terminal is smaller than the console can be read on."""
        return self.size.width < SMALLEST[0] or self.size.height < SMALLEST[1]

    def lay_out(self, width: int, height: int) -> None:
        """Choose the layout for a terminal of this size."""
        small = width < SMALLEST[0] or height < SMALLEST[1]
        classes = {"narrow": width < 110 or height < 36, "medium": width < 150 or height < 46}
        if any(self.has_class(name) != wanted for name, wanted in classes.items()):
            for name, wanted in classes.items():
                self.set_class(wanted, name, update=False)
            self.app.update_styles(self)
        self.small.styles.width, self.small.styles.height = width, height
        self.small.visible = small
        for page in self.pages:
            page.place(width, height)
        for overlay in self.overlays:
            overlay.place(width, height)

    def panel(self, name: str) -> FramedPanel:
        """The panel of that name; raises ``KeyError``."""
        return {panel.id or "": panel for slot in self._slots for panel in slot}[name]

    def show_arrangement(self, preset: int, zoomed: str = "") -> None:
        """Choose which panels are shown; ``zoomed`` names the only one, empty for those of the preset."""
        hidden = HIDDEN[zoomed or str(preset)]
        # The widgets' own styles: a class would make Textual match the whole style sheet anew (60 ms).
        for name in frozenset().union(*HIDDEN.values()):
            shown = name not in hidden
            part = self.query_one(f"#{name}")
            if part.display != shown:
                part.display = shown
        tall = preset == 4 and not zoomed
        self.query_one("#top").styles.height = "16fr" if tall else None
        self.query_one("#bottom").styles.height = "32fr" if tall else None

    def wear(self, palette: Palette) -> None:
        """Change every part to another theme."""
        self.styles.background = palette.colours["ground"]
        for painter in self.painters:
            painter.wear(palette)

    def paint(self, scene: Scene, slot: int | None = None, *, force: bool = False) -> None:
        """Paint one slot's panels, or all of them; a page hides them, so that only it is painted."""
        page = None if self.is_small else self.page
        if page is not None and (slot is None or slot == 0):
            self._guarded(page, scene, force)
        for number, panels in enumerate(self._slots if page is None else ()):
            if slot is None or number == slot:
                for panel in panels:
                    if panel is self.small if self.is_small else panel is not self.small:
                        self._guarded(panel, scene, force)
        if slot is None or slot == 0:
            self.header.paint(scene)
        if self.open is not None:
            self._guarded(self.open, scene, force)

    def _guarded(self, panel: FramedPanel, scene: Scene, force: bool) -> None:
        """A panel that cannot paint must not take the screen with it: it says so, and the others go on."""
        try:
            panel.paint(scene, force=force)
        except Exception as error:
            if panel.id not in self._failed:
                self._failed.add(panel.id or "")
                log.exception("The %s panel could not be painted; the rest of the screen goes on.", panel.id)
            panel.show(
                [(((f" {scene.glyphs.breach} The {panel.id} panel failed: {error!r}"), "bold breach"),)]
            )
        else:
            self._failed.discard(panel.id or "")

    def paint_footer(self, actions: Iterable[tuple[Action, bool]]) -> None:
        """The keys that work now."""
        self.footer.paint(actions)

    def show_overlay(self, overlay: Overlay | None) -> None:
        """Show this overlay and no other; ``None`` hides whichever is open."""
        for each in self.overlays:
            if each is not overlay and each.visible:
                each.visible = False
        self.open = overlay
        if overlay is not None:
            overlay.visible = True

    def show_page(self, page: Page | None) -> None:
        """Show this page and no other; ``None`` gives the panels their place back."""
        for each in self.pages:
            if each is not page and each.visible:
                each.visible = False
        self.page = page
        if page is not None:
            page.visible = True

    def on_key(self, event: events.Key) -> None:
        """While an overlay is open, every key is its own."""
        if self.open is not None:
            event.stop()
            event.prevent_default()
            self.app.post_message(OverlayKey(event))

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is never typed by a person: nothing here takes it."""
        event.stop()


def key_press(event: events.Key, at_ns: int) -> KeyPress:
    """A key event as an overlay takes it."""
    return KeyPress(event.key, event.character, at_ns)
