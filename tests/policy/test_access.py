"""An order request that the broker refuses for the login, or for the address it comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import Alert, Severity
from core.domain.facts import AlertRaised
from core.domain.inputs import AllNews, BooksFailed, CancelReply, Input, ModifyReply, SendReply
from core.domain.orders import AccessRefusal, Outcome
from tests.builders import Desk, desk_with, plan

_NO = Outcome.REJECTED


def standing(desk: Desk, alert_id: str) -> Alert | None:
    alert = desk.account.alerts.get(alert_id)
    return alert if alert is not None and not alert.cleared else None


def replies(desk: Desk, refusal: AccessRefusal | None, outcome: Outcome = _NO) -> list[Input]:
    tag = desk.sent[0].tag
    return [
        SendReply(tag, outcome, "O1" if outcome is Outcome.CONFIRMED else None, "no", refusal),
        ModifyReply(tag, outcome, "no", access_refused=refusal),
        CancelReply(tag, outcome, "no", refusal),
    ]


@pytest.mark.parametrize(
    ("refusal", "alert_id", "words", "others"),
    [
        (AccessRefusal.LOGIN, "access-refused", "refuses our login", "address"),
        (AccessRefusal.ADDRESS, "address-refused", "no order from this machine's address", "login"),
    ],
)
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("together", [False, True])
def test_a_request_refused_for_login_or_address_calls_for_a_person_at_once(
    refusal: AccessRefusal, alert_id: str, words: str, others: str, which: int, together: bool
) -> None:
    desk = desk_with(plan())
    reply = replies(desk, refusal)[which]
    desk.give(AllNews((reply,)) if together else reply)  # type: ignore[arg-type]
    alert = standing(desk, alert_id)
    assert alert is not None
    assert (alert.severity, alert.runbook) == (Severity.CRITICAL, "access-refused")
    assert words in alert.text
    assert others not in alert.text
    assert "nothing can be sent" in alert.text
    assert "stands" in alert.text
    assert alert.text.endswith(": no")


def test_an_ordinary_refusal_says_nothing_of_access() -> None:
    desk = desk_with(plan())
    for reply in replies(desk, None):
        desk.give(reply)
    assert standing(desk, "access-refused") is None
    assert standing(desk, "address-refused") is None


def test_a_refusal_that_is_repeated_is_one_alert_whoever_tells_of_it() -> None:
    """A cancel is asked for four times a second, and the books say the same in other words."""
    desk = desk_with(plan())
    tag = desk.sent[0].tag
    for said in ("Incorrect `access_token`", "Session expired", "Token is invalid"):
        desk.give(CancelReply(tag, _NO, said, AccessRefusal.LOGIN))
        desk.give(BooksFailed(f"/orders: {said}", needs_login=True))
    raised = [row.fact for row in desk.rows if isinstance(row.fact, AlertRaised)]
    assert sum(fact.alert_id == "access-refused" for fact in raised) == 1


def test_a_good_read_of_the_books_takes_down_the_login_and_never_the_address() -> None:
    """Kite asks for the registered address of order requests alone; everything else works from anywhere."""
    desk = desk_with(plan())
    for refusal in AccessRefusal:
        desk.give(CancelReply(desk.sent[0].tag, _NO, "no", refusal))
    desk.read_books()
    assert standing(desk, "access-refused") is None
    assert standing(desk, "address-refused") is not None


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_request_that_is_confirmed_takes_both_down(which: int) -> None:
    desk = desk_with(plan())
    for refusal in AccessRefusal:
        desk.give(CancelReply(desk.sent[0].tag, _NO, "no", refusal))
    assert standing(desk, "access-refused") is not None
    assert standing(desk, "address-refused") is not None
    desk.give(replies(desk, None, Outcome.CONFIRMED)[which])
    assert standing(desk, "access-refused") is None
    assert standing(desk, "address-refused") is None


def test_a_send_that_the_stream_had_confirmed_already_takes_both_down() -> None:
    desk = desk_with(plan())
    desk.give(CancelReply(desk.sent[0].tag, _NO, "no", AccessRefusal.ADDRESS))
    group = desk.account.groups[desk.sent[0].group_id]
    order = replace(desk.sent[0], outcome=Outcome.CONFIRMED, order_id="O1")
    desk.account = desk.account.with_group(replace(group, orders={**group.orders, order.tag: order}))
    desk.give(SendReply(order.tag, Outcome.CONFIRMED, "O1"))
    assert standing(desk, "address-refused") is None


def test_the_answer_to_an_order_that_no_group_knows_still_tells_of_access() -> None:
    """What a flatten from outside cancels belongs to no group of the core's."""
    desk = Desk().start()
    desk.give(CancelReply("", _NO, "no", AccessRefusal.ADDRESS))
    assert standing(desk, "address-refused") is not None


def test_an_order_refused_here_says_nothing_of_the_brokers_door() -> None:
    desk = desk_with(plan())
    desk.give(CancelReply(desk.sent[0].tag, _NO, "no", AccessRefusal.ADDRESS))
    desk.give(SendReply(desk.sent[1].tag, Outcome.DENIED, None, "not sent"))
    assert standing(desk, "address-refused") is not None
