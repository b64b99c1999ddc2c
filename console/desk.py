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
from console.overlays.recover import WORDS
from console.overlays.ticket import SEND
from console.panels.alerts import asking
from console.preview import live_groups
from console.screens.main import MainScreen
from core.domain.groups import GroupPlan
from core.domain.inputs import OperatorAction, OperatorCommand
from core.engine.previews import TicketPreview, WayOut
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

    def ticket(self) -> None:
        """n: fill in a ticket; it is given to the core only after its preview was seen and SEND typed."""
        if self.refuses("ticket"):
            return
        console = self._console
        overlay = console.main.ticket

        def ready(preview: TicketPreview) -> None:
            plan = preview.plan
            if plan is None:
                return

            def confirmed(word: str) -> None:
                if self.submit(plan):
                    console.notice(
                        f"{plan.group_id} given to the core: {plan.strategy}, {plan.copies} lots.", "warn"
                    )
                console.close_overlay()

            self._arm(overlay, lambda word: word.upper() == SEND, confirmed, overlay.over)

        overlay.ask, overlay.ready = console.service.preview, ready
        overlay.closed = console.close_overlay
        overlay.begin(console.now_ns)
        console.open_overlay(overlay)

    def submit(self, plan: GroupPlan) -> bool:
        """Give the core a plan; a read-only session never does. Whether it was given."""
        console = self._console
        if console.options.observe:
            console.notice("A new group is refused: this is a read-only session (--observe).", "warn")
            return False
        console.service.submit(plan, console.options.by)
        return True

    def recover(self, selected: str) -> None:
        """r: what is wrong with this group, and the ways out; each takes the group's number."""
        if self.refuses("recover"):
            return
        console = self._console
        group = console.snapshot.account.groups.get(selected)
        if group is None or group.is_over:
            console.notice(
                f"{selected} has ended: there is nothing to recover."
                if group
                else "There is no group to recover."
            )
            return
        overlay = console.main.recover

        def ready(way: WayOut) -> None:
            label = WORDS[way.action][1]

            def accepts(word: str) -> bool:
                return names_group(word, selected, group.plan.number)

            def confirmed(word: str) -> None:
                if self.send(way.action, selected, saw=overlay.saw, reason="from the recovery screen"):
                    console.notice(
                        f"{label} {selected} given to the core; it was asked at snapshot {overlay.saw:,}.",
                        "warn",
                    )
                console.close_overlay()

            self._arm(overlay, accepts, confirmed, overlay.over)

        overlay.ask, overlay.ready = console.service.ways_out, ready
        overlay.closed = console.close_overlay
        overlay.begin(selected, console.now_ns)
        console.open_overlay(overlay)

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
        self,
        overlay: ArmedOverlay,
        accepts: Callable[[str], bool],
        confirmed: Callable[[str], None],
        over: Callable[[Press], None] | None = None,
    ) -> None:
        """Arm and show; ``over`` is told when it ends without the word, by default it closes."""
        console = self._console
        arming = overlay.arm(accepts, confirmed, over or self._over, console.now_ns)
        console.open_overlay(overlay)
        console.when_painted(lambda: arming.painted(console.now_ns))

    def _over(self, how: Press) -> None:
        self._console.notice(OVER.get(how, "Nothing was sent."))
        self._console.close_overlay()
