"""The ``CoreService`` of a process that runs an engine: a live session and a rehearsal serve alike."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.groups import GroupPlan
from core.domain.inputs import OperatorCommand, SubmitGroup
from core.engine.engine import ExecutionEngine
from core.engine.foresight import Foresight
from core.engine.previews import TicketPreview, TicketRequest, WayOut
from core.engine.publishing import Publisher
from core.engine.snapshot import Snapshot


class EngineService:
    """Shows what the publisher has, and posts to the engine of the moment unless the session is read-only."""

    def __init__(
        self,
        engine_now: Callable[[], ExecutionEngine],
        publisher: Publisher,
        foresight: Foresight,
        *,
        observe: bool = False,
    ) -> None:
        self._engine_now = engine_now
        self.publisher = publisher
        self._foresight = foresight
        self._observe = observe

    def snapshot(self) -> Snapshot:
        """See ``CoreService``."""
        return self.publisher.snapshot()

    def command(self, command: OperatorCommand) -> None:
        """See ``CoreService``."""
        if not self._observe:
            self._engine_now().post(command)

    def submit(self, plan: GroupPlan, by: str) -> None:
        """See ``CoreService``."""
        if not self._observe:
            self._engine_now().post(SubmitGroup(plan, by))

    def look_at(self, group_id: str) -> None:
        """See ``CoreService``."""
        self.publisher.look_at(group_id)

    def preview(self, request: TicketRequest) -> TicketPreview:
        """See ``CoreService``."""
        return self._foresight.preview(request)

    def ways_out(self, group_id: str) -> tuple[WayOut, ...]:
        """See ``CoreService``."""
        return self._foresight.ways_out(group_id)
