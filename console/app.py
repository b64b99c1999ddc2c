"""The console's app: it polls the core's snapshot, paints it, and turns keys into commands.

It is a client of a core that runs without it: it holds nothing that the core needs, and may crash and come
back.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.events import Resize

from console.actions import ACTIONS, Action, bindings, offered
from console.arranging import WORST, arranged
from console.desk import Desk
from console.glyphs import ASCII, UNICODE
from console.keymap import read_keymap, remapped, textual_keymap
from console.options import ConsoleOptions
from console.overlays.overlay import ArmedOverlay, Overlay
from console.overlays.quit import Leaving
from console.paging import Paging
from console.panels.alerts import asking
from console.panels.groups import GroupSelected
from console.preview import live_groups
from console.replaying import Replaying
from console.runbook import pages
from console.scene import Scene
from console.screens.main import SLOTS, MainScreen, OverlayKey, key_press
from console.selection import Selection
from console.theming import BUILT_IN_FOLDER, Palette, load_themes
from console.viewing import Viewing
from console.wording import worst_first
from core.domain.account import Severity
from core.engine.service import CoreService
from core.engine.snapshot import LogLine, Snapshot

log = logging.getLogger("hedgerow.console")

PERIOD_S = 0.25
FLASH_NS = 6_000_000_000
NOTICES_MAX = 200


class HedgerowApp(Paging, Viewing, Replaying, App[None], inherit_bindings=False):
    """One console over one core.

    ``on_painted`` is called once, when the first whole picture has reached the terminal. ``left`` says
    whether a person closed the console; ``crash`` holds what ended it otherwise.
    """

    CSS_PATH = BUILT_IN_FOLDER / "console.tcss"
    TITLE = "hedgerow"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = ""

    def __init__(
        self,
        service: CoreService,
        options: ConsoleOptions | None = None,
        *,
        notices: tuple[str, ...] = (),
        on_painted: Callable[[], None] | None = None,
        driver_class: type | None = None,
    ) -> None:
        self.options = options or ConsoleOptions()
        self.service = service
        self.snapshot: Snapshot = service.snapshot()
        self.glyphs = ASCII if self.options.plain else UNICODE
        keymap = read_keymap(self.options.keys_file, ACTIONS)
        there = offered(replay=self.options.transport is not None)
        self.actions: tuple[Action, ...] = remapped(there, keymap)
        self._names = frozenset(action.name.partition("(")[0] for action in there)
        self.shelf = load_themes(self.options.theme_folders)
        chosen, problem = self.shelf.choose(self.options.theme, self.snapshot.mode)
        self.palette = self._worn(chosen)
        # Textual reads the variable once and takes it away, and heeds it even where it is empty.
        os.environ.pop("NO_COLOR", None)
        if self.options.no_colour:
            os.environ["NO_COLOR"] = "1"
        super().__init__(driver_class=driver_class, ansi_color=self.palette.wants_terminal_colours or None)
        self.animation_level = "none"
        self.set_keymap(textual_keymap(ACTIONS, keymap))
        self.selection = Selection()
        self.desk = Desk(self)
        self.muted = False
        pages()
        self.left = False
        self.crash: Exception | None = None
        self.core_stopped = ""
        self._on_painted = on_painted
        self._notices: list[LogLine] = []
        self._noticed = 0
        self._flash = ""
        self._flash_until_ns = 0
        self._rung: set[str] = set()
        self._version_since_ns = self.options.clock_ns()
        self._slot = 0
        self._order: tuple[str, ...] = ()
        self._rows: tuple[str, ...] = ()
        self._order_of: tuple[int, int] = (-1, -1)
        for text in (*notices, *keymap.problems, *self.shelf.problems, problem):
            if text:
                self.notice(text, "warn")

    def _worn(self, palette: Palette) -> Palette:
        worn = palette.for_mode(self.snapshot.mode)
        return worn.without_colours() if self.options.no_colour else worn

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The theme's colours by their names, for the style sheet."""
        return dict(self.palette.colours)

    def get_default_screen(self) -> MainScreen:
        """The main screen is there from the start."""
        self.main = MainScreen(self.palette, self.glyphs)
        return self.main

    def on_mount(self) -> None:
        """Start painting."""
        self.main.quit.answer = self._answer_leaving
        self.main.help.closed = self.close_overlay
        self.wire_views()
        self.wire_replay()
        self._take_snapshot()
        if self.options.live_updates:
            self.set_interval(PERIOD_S / SLOTS, self._tick, name="paint")
        self.call_after_refresh(self._after_first_refresh)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether there is such an action here: a replay has its own and lacks those that tell the core."""
        return action in self._names

    def on_resize(self, event: Resize) -> None:
        """Another size: another arrangement, and every panel built for it."""
        self.main.lay_out(event.size.width, event.size.height)
        self.call_after_refresh(self.repaint_all)

    def _after_first_refresh(self) -> None:
        self.repaint_all()
        self.when_painted(self._painted)

    def _when_written(self, then: Callable[[], None]) -> None:
        """Call ``then`` once everything drawn so far has really been written to the terminal."""
        if getattr(self._driver, "is_caught_up", True):
            then()
        else:
            self.set_timer(0.02, lambda: self._when_written(then))

    def _painted(self) -> None:
        if self._on_painted is not None:
            callback, self._on_painted = self._on_painted, None
            callback()

    @property
    def now_ns(self) -> int:
        """Monotonic time of this machine."""
        return self.options.clock_ns()

    def _take_snapshot(self) -> None:
        self.look_where_the_person_looks()
        newest = self.service.snapshot()
        now = self.now_ns
        if newest.version != self.snapshot.version:
            self._version_since_ns = now
        self.snapshot = newest
        key = (newest.version, newest.account.seq)
        if key != self._order_of:
            self._order_of = key
            self._order = worst_first(newest)
        self._rows = arranged(newest, self._order, self.selection.filter, self.selection.sort)
        self.selection.follow(newest, self._rows)
        self.do_delayed()
        self._ring()
        if self.desk.leave_when_flat and not live_groups(newest):
            self.left = True
            self.exit()

    def scene(self) -> Scene:
        """What the panels are given now."""
        now = self.now_ns
        return Scene(
            snapshot=self.snapshot,
            glyphs=self.glyphs,
            order=self._order,
            rows=self._rows,
            filter=self.selection.filter,
            sort="" if self.selection.sort == WORST else self.selection.sort,
            actions=self.actions,
            selected=self.selection.group,
            focus=self.selection.panel,
            silent_ms=max(0, now - self._version_since_ns) // 1_000_000,
            core_stopped=self.core_stopped,
            notices=tuple(self._notices),
            observe=self.options.observe,
            alert_selected=self.selection.alert,
            log_offset=self.selection.log_offset,
            flash=self._flash if now < self._flash_until_ns else self._waiting_words(),
        )

    def _waiting_words(self) -> str:
        return (
            "Flattening everything; the console leaves when the broker confirms it."
            if self.desk.leave_when_flat
            else ""
        )

    def _tick(self) -> None:
        """A quarter of the panels every 62.5 ms: each is painted four times a second."""
        if self._slot == 0:
            self.tick_replay()
            self._take_snapshot()
        self._tick_overlay()
        self.main.paint(self.scene(), self._slot)
        if self._slot == SLOTS - 1:
            self.main.paint_footer(self._offered())
        self._slot = (self._slot + 1) % SLOTS

    def _tick_overlay(self) -> None:
        if self.main.open is not None:
            self.main.open.tick(self.now_ns)

    def repaint_all(self) -> None:
        """Paint the whole screen from the newest snapshot."""
        self._take_snapshot()
        self.main.paint(self.scene())
        self.main.paint_footer(self._offered())

    def _offered(self) -> list[tuple[Action, bool]]:
        """The footer's actions, each with whether it would be carried out now."""
        waiting = {"acknowledge": bool(asking(self.snapshot)), "flatten": bool(live_groups(self.snapshot))}
        return [
            (action, waiting.get(action.name, True) and not (action.writes and self.options.observe))
            for action in self.actions
            if action.shown
        ]

    def notice(self, text: str, tone: str = "info") -> None:
        """Say something in the log and, for a few seconds, above the groups' sentences."""
        self._noticed += 1
        self._notices.append(LogLine(self._noticed, self.snapshot.at_ns, "screen", "", text, tone))
        del self._notices[:-NOTICES_MAX]
        self._flash, self._flash_until_ns = text, self.now_ns + FLASH_NS

    def _ring(self) -> None:
        """Ring once for each new critical alert."""
        critical = {alert.alert_id for alert in asking(self.snapshot) if alert.severity is Severity.CRITICAL}
        if critical - self._rung and not self.muted and self.options.transport is None:
            self.bell()
        self._rung = critical

    def open_overlay(self, overlay: Overlay) -> None:
        """Show this overlay; it takes the keys until it is closed. What was waited for is forgotten."""
        self._delayed = ""
        overlay.paint(self.scene(), force=True)
        self.main.show_overlay(overlay)

    def close_overlay(self) -> None:
        """Back to the screen."""
        self.main.show_overlay(None)
        self.repaint_all()

    def when_painted(self, then: Callable[[], None]) -> None:
        """Call ``then`` once what is on the screen now has been drawn and written to the terminal."""
        self.call_after_refresh(self._when_written, then)

    def on_overlay_key(self, message: OverlayKey) -> None:
        """Hand a key to the overlay that is open."""
        overlay = self.main.open
        if overlay is not None and self._flattens_from(overlay, message.event.key):
            self.action_flatten()
            if self.main.open is overlay:
                self.close_overlay()
        elif overlay is not None:
            overlay.press(key_press(message.event, self.options.key_ns(message.event)), self.now_ns)
            if self.main.open is overlay:
                overlay.paint(self.scene(), force=True)

    def _flattens_from(self, overlay: Overlay, key: str) -> bool:
        """Whether a key means flatten although this overlay is open: nobody closes a page of help first.

        Only where no word is being waited for, and never for a key that could be meant as a letter.
        """
        waiting = isinstance(overlay, ArmedOverlay) and overlay.is_armed
        flatten = next((action.key for action in self.actions if action.name == "flatten"), "")
        return key == flatten and len(key) > 1 and not waiting

    def action_flatten(self) -> None:
        """F9: arm."""
        self.desk.flatten(self.selection.group)
        self.show_answer()

    def action_kill_switch(self) -> None:
        """K: arm the kill switch, or its reset."""
        self.desk.kill_switch()
        self.show_answer()

    def action_acknowledge(self) -> None:
        """Acknowledge the selected alert, or the first that asks."""
        self.desk.acknowledge(self.selection.alert)
        self.repaint_all()

    def on_group_selected(self, message: GroupSelected) -> None:
        """A group was clicked."""
        self.selection.panel, self.selection.group = "groups", message.group_id
        self.repaint_all()

    def action_mute(self) -> None:
        """Silence the bell, or not."""
        self.muted = self.main.alerts_page.muted = not self.muted
        self.notice("The bell is muted." if self.muted else "The bell rings for new critical alerts.")
        self.repaint_all()

    def action_theme(self) -> None:
        """Wear the next theme: every cell is painted anew, which waits while a group is legging."""
        if self.must_wait("theme"):
            return
        chosen = self.shelf.next_for(self.palette.name, self.snapshot.mode)
        self.palette = self._worn(chosen)
        self.ansi_color = self.palette.wants_terminal_colours or None
        self.main.wear(self.palette)
        self.notice(f"Theme: {chosen.title}.")
        self.main.paint(self.scene(), force=True)
        self.main.paint_footer(self._offered())

    def action_help(self) -> None:
        """Show the keys; it waits while a group is legging."""
        if not self.must_wait("help"):
            self.open_overlay(self.main.help)

    def action_leave(self) -> None:
        """Leave if nothing can be left behind; otherwise ask."""
        if (
            self.snapshot.finished
            or self.core_stopped
            or self.options.observe
            or not live_groups(self.snapshot)
        ):
            self.left = True
            self.exit()
            return
        self.main.quit.paper = self.snapshot.mode != "LIVE"
        self.open_overlay(self.main.quit)

    def _answer_leaving(self, leaving: Leaving) -> None:
        if leaving is Leaving.LEAVE:
            self.left = True
            self.exit()
        elif leaving is Leaving.FLATTEN:
            self.desk.arm_flatten("", leaving=True)
        else:
            self.close_overlay()

    def _handle_exception(self, error: Exception) -> None:
        """End the screen, not the core, and without rendering locals: that would hold the loop for
        seconds.
        """
        if self._exit:
            log.debug("An exception after the screen was closed.", exc_info=error)
            return
        if self.crash is None:
            self.crash = error
            log.error("The screen crashed; the core is not affected.", exc_info=error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()
