"""What a person asks of the core: every command goes through here, and every dangerous one takes two
steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from console.actions import BY_NAME
from console.arming import Press
from console.options import ConsoleOptions
from console.overlays.flatten import ALL, names_group
from console.overlays.kill import accepts_kill, reset_reason
from console.overlays.overlay import ArmedOverlay, Overlay
from console.panels.alerts import asking
from console.preview import live_groups
from console.screens.main import MainScreen
from core.domain.inputs import OperatorAction, OperatorCommand
from core.engine.service import CoreService
from core.engine.snapshot import Snapshot

OVER = {
    Press.CANCELLED: "Cancelled: nothing was sent.",
    Press.EXPIRED: "Disarmed: the time was over, nothing was sent.",
}


class Console(Protocol):
    """What the desk needs of the app."""

    options: ConsoleOptions
    service: CoreService
    snapshot: Snapshot
    main: MainScreen

    @property
    def now_ns(self) -> int: ...

    def notice(self, text: str, tone: str = "info") -> None: ...

    def open_overlay(self, overlay: Overlay) -> None: ...

    def close_overlay(self) -> None: ...

    def when_painted(self, then: Callable[[], None]) -> None: ...


class Desk:
    """Turns keys into commands. ``leave_when_flat`` is set once a flatten was confirmed on the way out."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.leave_when_flat = False

    def refuses(self, name: str) -> bool:
        """Whether a read-only session refuses this action; says so."""
        if not self._console.options.observe:
            return False
        self._console.notice(
            f"{BY_NAME[name].label} refused: this is a read-only session (--observe).", "warn"
        )
        return True

    def send(
        self, action: OperatorAction, target: str = "", *, saw: int | None = None, reason: str = ""
    ) -> bool:
        """Give the core a command; a read-only session never does, whatever asked for it. Whether it was
        given.
        """
        console = self._console
        if console.options.observe:
            console.notice(f"{action.value} refused: this is a read-only session (--observe).", "warn")
            return False
        version = console.snapshot.version if saw is None else saw
        console.service.command(OperatorCommand(action, target, console.options.by, version, reason))
        return True

    def flatten(self, selected: str) -> None:
        """F9: arm for the selected group, or for everything where it has ended."""
        if not self.refuses("flatten"):
            group = self._console.snapshot.account.groups.get(selected)
            self.arm_flatten("" if group is None or group.is_over else selected)

    def arm_flatten(self, target: str, *, leaving: bool = False) -> None:
        """Show what would be sent, and wait for the group's number or ALL."""
        console = self._console
        if not live_groups(console.snapshot):
            console.notice("Nothing to flatten: every group has ended.")
            return
        overlay = console.main.flatten
        overlay.target, overlay.leaving = target, leaving
        group = console.snapshot.account.groups.get(target)
        number = group.plan.number if group else -1

        def accepts(word: str) -> bool:
            return word.upper() == ALL or (bool(target) and names_group(word, target, number))

        def confirmed(word: str) -> None:
            everything = word.upper() == ALL
            action = OperatorAction.FLATTEN_ALL if everything else OperatorAction.FLATTEN
            what = ALL if everything else target
            if self.send(action, what, saw=overlay.saw):
                self.leave_when_flat = leaving
                console.notice(
                    f"Flatten {what} given to the core; it was asked at snapshot {overlay.saw:,}.", "warn"
                )
            console.close_overlay()

        self._arm(overlay, accepts, confirmed)

    def kill_switch(self) -> None:
        """K: arm the kill switch, or its reset."""
        if self.refuses("kill_switch"):
            return
        console = self._console
        overlay = console.main.kill
        resetting = overlay.resetting = console.snapshot.account.kill.tripped

        def accepts(word: str) -> bool:
            return bool(reset_reason(word)) if resetting else accepts_kill(word)

        def confirmed(word: str) -> None:
            if resetting:
                given = self.send(OperatorAction.RESET_KILL, reason=reset_reason(word))
            else:
                given = self.send(OperatorAction.KILL, reason="by hand, from the console")
            if given:
                console.notice(f"Kill switch {'reset ' if resetting else ''}given to the core.", "warn")
            console.close_overlay()

        self._arm(overlay, accepts, confirmed)

    def acknowledge(self, alert_id: str) -> None:
        """Acknowledge this alert if it asks, otherwise the first that does."""
        if self.refuses("acknowledge"):
            return
        waiting = asking(self._console.snapshot)
        chosen = next((each for each in waiting if each.alert_id == alert_id), None)
        alert = chosen or (waiting[0] if waiting else None)
        if alert is None:
            self._console.notice("No alert asks for an acknowledgement.")
        else:
            self.send(OperatorAction.ACKNOWLEDGE, alert.alert_id)

    def _arm(
        self, overlay: ArmedOverlay, accepts: Callable[[str], bool], confirmed: Callable[[str], None]
    ) -> None:
        console = self._console
        arming = overlay.arm(accepts, confirmed, self._over, console.now_ns)
        console.open_overlay(overlay)
        console.when_painted(lambda: arming.painted(console.now_ns))

    def _over(self, how: Press) -> None:
        self._console.notice(OVER.get(how, "Nothing was sent."))
        self._console.close_overlay()
