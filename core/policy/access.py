"""Whether the broker lets us in: a login or an address that it refuses stops every send, and needs a person.

The two end differently. Whatever is read proves the login; the address is asked for with order requests
alone (SEBI's rules for retail algorithms, at Kite since 2026-04-01), so only one that is confirmed proves it.
"""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.inputs import CancelReply, ModifyReply, SendReply
from core.domain.orders import AccessRefusal, Outcome
from core.policy.turn import Turn

_ALERTS = {AccessRefusal.LOGIN: "access-refused", AccessRefusal.ADDRESS: "address-refused"}
_WORDS = {
    AccessRefusal.LOGIN: (
        "the broker refuses our login, so nothing can be sent; what is held stands. Log in again and start "
        "the same command once more, or close at the broker"
    ),
    AccessRefusal.ADDRESS: (
        "the broker takes no order from this machine's address, so nothing can be sent; what is held stands. "
        "Register the address at the broker, or close there"
    ),
}


def hear_of_access(turn: Turn, reply: SendReply | ModifyReply | CancelReply) -> None:
    """Take the answer to an order request as what it says of the broker's door."""
    if reply.access_refused is not None:
        refuse_access(turn, reply.access_refused, reply.message)
    elif reply.outcome is Outcome.CONFIRMED:
        for alert_id in _ALERTS.values():
            turn.clear_alert(alert_id)


def refuse_access(turn: Turn, refusal: AccessRefusal, said: str) -> None:
    """Call for a person, once: the same refusal is told by every request and every read, in its own words."""
    standing = turn.account.alerts.get(_ALERTS[refusal])
    if standing is None or standing.cleared:
        words = f"{_WORDS[refusal]}: {said}"
        turn.alert(_ALERTS[refusal], Severity.CRITICAL, words, "access-refused")


def login_was_taken(turn: Turn) -> None:
    """The books were read whole, so the login is good; of the address that says nothing."""
    turn.clear_alert(_ALERTS[AccessRefusal.LOGIN])
