"""What the core offers to whoever hosts or watches it: a snapshot to read and commands to give."""

from __future__ import annotations

from typing import Protocol

from core.domain.groups import GroupPlan
from core.domain.inputs import OperatorCommand
from core.engine.previews import TicketPreview, TicketRequest, WayOut
from core.engine.snapshot import Snapshot


class CoreService(Protocol):
    """The console's whole view of the core. Commands return at once; their effect shows in a snapshot."""

    def snapshot(self) -> Snapshot:
        """The newest picture; cheap, and the same object until something is published."""
        ...

    def command(self, command: OperatorCommand) -> None:
        """Put an operator's command into the mailbox; refused underneath in a read-only session."""
        ...

    def submit(self, plan: GroupPlan, by: str) -> None:
        """Ask for a new group."""
        ...

    def look_at(self, group_id: str) -> None:
        """Have the next snapshots look closely at this group (``Snapshot.look``); ``""`` at none."""
        ...

    def preview(self, request: TicketRequest) -> TicketPreview:
        """What a ticket would do, decided now and thrown away; refused in a read-only session."""
        ...

    def ways_out(self, group_id: str) -> tuple[WayOut, ...]:
        """What each of the operator's commands would do for a group, decided now and thrown away."""
        ...
