"""``Foresight``: the previews that a ``CoreService`` answers, over whichever engine runs now."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.calendar import SessionCalendar
from core.engine.engine import ExecutionEngine
from core.engine.previews import TicketPreview, TicketRequest, WayOut
from core.engine.ticket import TicketMarket, preview_ticket
from core.engine.ways_out import ways_out

READ_ONLY = "This is a read-only session (--observe): nothing can be sent."


class Foresight:
    """Decides on the engine's present account and throws the result away.

    ``engine`` gives the engine of the moment; ``taken`` the highest group number that is spoken for beside
    the account's own groups. Nothing here posts, journals or sends.
    """

    def __init__(
        self,
        engine: Callable[[], ExecutionEngine],
        calendar: SessionCalendar,
        *,
        observe: bool = False,
        taken: Callable[[], int] = lambda: 0,
    ) -> None:
        self._engine = engine
        self._calendar = calendar
        self._observe = observe
        self._taken = taken

    def preview(self, request: TicketRequest) -> TicketPreview:
        """See ``CoreService``."""
        if self._observe:
            return TicketPreview(request, problem=READ_ONLY)
        engine = self._engine()
        numbers = [group.plan.number for group in engine.account.groups.values()]
        market = TicketMarket(
            engine.account,
            engine.view,
            engine.clock.now_ns(),
            self._calendar,
            engine.coordinator.collaborators,
            engine.books.funds,
            max([self._taken(), *numbers]) + 1,
        )
        return preview_ticket(request, market)

    def ways_out(self, group_id: str) -> tuple[WayOut, ...]:
        """See ``CoreService``."""
        engine = self._engine()
        parts = engine.coordinator.collaborators
        return ways_out(engine.account, group_id, engine.view, engine.clock.now_ns(), parts)
