"""The pages of the console: which one stands in the place of the panels, and moving in what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.events import MouseScrollDown, MouseScrollUp

from console.desk import Desk
from console.pages.page import Page
from console.panels.alerts import open_alerts
from console.screens.main import MainScreen
from console.selection import PAGE, Selection
from console.viewing import Viewing
from core.engine.service import CoreService

WHEEL_LINES = 3


class Paging(Viewing):
    """The app's actions that open and close pages, and move; mixed into the app, which has the rest."""

    service: CoreService
    main: MainScreen
    selection: Selection
    desk: Desk
    _looking_at: str = ""
    _panel_before: str = "groups"
    _rows: tuple[str, ...] = ()

    if TYPE_CHECKING:

        @property
        def is_running(self) -> bool: ...

    def look_where_the_person_looks(self) -> None:
        """Tell the core which group is shown closely: it works out no other."""
        main: MainScreen | None = getattr(self, "main", None)
        shown = main is not None and main.page is main.group_page
        wanted = self.selection.group if shown else ""
        if wanted != self._looking_at:
            self._looking_at = wanted
            self.service.look_at(wanted)

    def scroll_page(self, lines: int, *, by_arrows: bool = False) -> bool:
        """Move in the page that is open; whether it has anything to move in."""
        page = self.main.page
        if page is None or (by_arrows and not page.ARROWS_SCROLL) or page is self.main.alerts_page:
            return False
        page.scroll(lines)
        return True

    def show_page(self, page: Page | None) -> None:
        """Show this page, or the panels again; the page that is open already is closed by its own key."""
        before = self.main.page
        if page is not None and page is before:
            page = None
        if before is None:
            self._panel_before = self.selection.panel
        self.selection.panel = page.PANEL if page is not None and page.PANEL else self._panel_before
        if page is not None:
            page.top = 0
        self.main.show_page(page)
        self.repaint_all()

    def action_group(self) -> None:
        """Everything about the selected group; from the alerts, about the selected alert's."""
        if self.main.page is self.main.alerts_page:
            alerts = open_alerts(self.snapshot)
            chosen = next((each for each in alerts if each.alert_id == self.selection.alert), None)
            group_id = (chosen or alerts[0]).group_id if alerts else ""
            if group_id in self.snapshot.account.groups:
                self.selection.group = group_id
        self.show_page(self.main.group_page)

    def action_positions(self) -> None:
        """Every position of the account."""
        self.show_page(self.main.positions_page)

    def action_alerts(self) -> None:
        """Every alert of the session."""
        self.show_page(self.main.alerts_page)

    def action_health(self) -> None:
        """What must live, and how fast it is."""
        self.show_page(self.main.health_page)

    def action_clear(self) -> None:
        """Close the page; where none is open, back to everything."""
        if self.main.page is not None:
            self.show_page(None)
        else:
            super().action_clear()

    def action_ticket(self) -> None:
        """Fill in an order ticket."""
        self.desk.ticket()
        self.repaint_all()

    def action_recover(self) -> None:
        """What is wrong with the selected group, and the ways out."""
        self.desk.recover(self.selection.group)
        self.repaint_all()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel moves in the log."""
        if not self.scroll_page(WHEEL_LINES):
            self.selection.scroll_log(WHEEL_LINES, self.snapshot)
        self.repaint_all()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel moves in the log."""
        if not self.scroll_page(-WHEEL_LINES):
            self.selection.scroll_log(-WHEEL_LINES, self.snapshot)
        self.repaint_all()

    def action_move(self, step: int) -> None:
        """Select the next or the previous one in the panel that has the arrow keys."""
        if not self.scroll_page(step, by_arrows=True):
            self.selection.move(step, self.snapshot, self._rows)
        self.repaint_all()

    def action_page(self, step: int) -> None:
        """Move by a page."""
        if self.scroll_page(PAGE * step):
            self.repaint_all()
        else:
            self.action_move(PAGE * step)

    def action_home(self) -> None:
        """Back to the first line."""
        self.selection.home(self._rows)
        self.repaint_all()

    def action_next_panel(self) -> None:
        """Give the arrow keys to the next panel; a page has them for itself."""
        if self.main.page is not None:
            return
        self.selection.next_panel()
        if self.selection.zoomed:
            self.arrange()
        self.repaint_all()
