"""The eleven states of a group, the table of what may follow what, and every cause of ``MANUAL``."""

from __future__ import annotations

from enum import StrEnum


class ExecutionLifecycle(StrEnum):
    """Where a group stands; see ``TRANSITIONS`` for what may follow."""

    PLANNED = "PLANNED"
    VALIDATING = "VALIDATING"
    REJECTED = "REJECTED"
    PLACING = "PLACING"
    PARTIALLY_EXPOSED = "PARTIALLY_EXPOSED"
    HEDGING = "HEDGING"
    UNWINDING = "UNWINDING"
    OPEN = "OPEN"
    EXITING = "EXITING"
    CLOSED = "CLOSED"
    MANUAL = "MANUAL"


_S = ExecutionLifecycle

TRANSITIONS: dict[ExecutionLifecycle, frozenset[ExecutionLifecycle]] = {
    _S.PLANNED: frozenset({_S.VALIDATING, _S.REJECTED}),
    _S.VALIDATING: frozenset({_S.REJECTED, _S.PLACING}),
    _S.REJECTED: frozenset(),
    _S.PLACING: frozenset({_S.PARTIALLY_EXPOSED, _S.OPEN, _S.CLOSED, _S.MANUAL}),
    _S.PARTIALLY_EXPOSED: frozenset({_S.OPEN, _S.HEDGING, _S.UNWINDING, _S.CLOSED, _S.MANUAL}),
    _S.HEDGING: frozenset({_S.PARTIALLY_EXPOSED, _S.OPEN, _S.UNWINDING, _S.CLOSED, _S.MANUAL}),
    _S.UNWINDING: frozenset({_S.OPEN, _S.HEDGING, _S.CLOSED, _S.MANUAL}),
    _S.OPEN: frozenset({_S.PARTIALLY_EXPOSED, _S.EXITING, _S.CLOSED, _S.MANUAL}),
    _S.EXITING: frozenset({_S.CLOSED, _S.OPEN, _S.HEDGING, _S.MANUAL}),
    _S.CLOSED: frozenset({_S.UNWINDING}),
    _S.MANUAL: frozenset(_S) - {_S.MANUAL},
}

ENDS = frozenset({_S.REJECTED, _S.CLOSED})
"""States from which a group sends nothing of its own accord."""

RESTING = frozenset({_S.REJECTED, _S.CLOSED, _S.OPEN, _S.MANUAL})
"""States in which a group may stay: a rehearsal ends when every group is in one of them."""

BEFORE_ANY_SEND = frozenset({_S.PLANNED, _S.VALIDATING})
"""States in which nothing has been sent: an error here can still reject the group."""

MEANING: dict[ExecutionLifecycle, str] = {
    _S.PLANNED: "accepted and journalled; legs ordered and split",
    _S.VALIDATING: "limits, kill switch, budget and worst-case margin are being checked",
    _S.REJECTED: "ended: nothing was sent",
    _S.PLACING: "orders are out; nothing has filled yet",
    _S.PARTIALLY_EXPOSED: "some leg has filled; the group is not whole",
    _S.HEDGING: "an emergency hedge is working",
    _S.UNWINDING: "reverse trades are taking fills back",
    _S.OPEN: "whole, and hedged as designed",
    _S.EXITING: "being closed, shorts first",
    _S.CLOSED: "ended: the broker confirms no position and no working order",
    _S.MANUAL: "automation has stopped; waiting for an operator",
}


class ManualCause(StrEnum):
    """Why automation stopped for a group."""

    DECISION_FAILED = "decision-failed"
    HEDGE_EXHAUSTED = "hedge-exhausted"
    UNWIND_EXHAUSTED = "unwind-exhausted"
    EXIT_EXHAUSTED = "exit-exhausted"
    CANCEL_UNCONFIRMED = "cancel-unconfirmed"
    UNKNOWN_UNRESOLVED = "unknown-unresolved"
    SHARED_SYMBOL_CLOSED = "shared-symbol-closed"
    QUANTITY_MISMATCH = "quantity-mismatch"
    CANNOT_SEND = "cannot-send"
    OPERATOR = "operator"


MANUAL_MEANING: dict[ManualCause, str] = {
    ManualCause.DECISION_FAILED: "a decision for this group failed; nothing more is sent for it",
    ManualCause.HEDGE_EXHAUSTED: "the emergency hedge did not fill within its tries",
    ManualCause.UNWIND_EXHAUSTED: "the reverse trades did not fill within their tries",
    ManualCause.EXIT_EXHAUSTED: "the exit did not fill within its tries",
    ManualCause.CANCEL_UNCONFIRMED: "the broker never confirmed a cancel; another exit could double it",
    ManualCause.UNKNOWN_UNRESOLVED: "a send was never answered and the books cannot settle it",
    ManualCause.SHARED_SYMBOL_CLOSED: "someone else closed units that several groups hold",
    ManualCause.QUANTITY_MISMATCH: "the broker's position differs and nobody's trades explain it",
    ManualCause.CANNOT_SEND: "the broker refuses every order that would make this group whole or flat",
    ManualCause.OPERATOR: "an operator took this group over",
}


class IllegalTransition(Exception):
    """A move that the table does not have: a defect, never a market event."""

    def __init__(self, group_id: str, now: ExecutionLifecycle, then: ExecutionLifecycle) -> None:
        super().__init__(f"{group_id} may not go from {now.value} to {then.value}")


def require_transition(group_id: str, now: ExecutionLifecycle, then: ExecutionLifecycle) -> None:
    """Raise ``IllegalTransition`` unless the table allows the move."""
    if then not in TRANSITIONS[now]:
        raise IllegalTransition(group_id, now, then)
