"""Previews are decisions taken and thrown away: they say what would follow, and nothing follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from core.brokers.paper.books import MemoryBooks
from core.domain.facts import OperatorActed, OrderIntended
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_S
from core.engine.foresight import READ_ONLY
from core.engine.previews import TicketRequest
from core.engine.ways_out import WAYS
from core.journal.persistence import InlinePersistence
from core.policy.decide import decide
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.run import Rehearsal
from core.rehearsal.shelf import find_scenario
from core.rehearsal.sim_loop import run_virtual

Story = Callable[[Rehearsal], Awaitable[None]]


def play(story: Story, scenario: str = "calm", at_s: float = 10.0, *, observe: bool = False) -> Rehearsal:
    """A rehearsal so far into its market, with a story beside it."""
    prepared = prepare(Asked(find_scenario(scenario)))
    rehearsal = Rehearsal(prepared, InlinePersistence(), MemoryBooks(), paced=False, observe=observe)

    async def main() -> None:
        playing = asyncio.ensure_future(rehearsal.play())
        try:
            await rehearsal.clock.sleep_until(prepared.start_ns + int(at_s * NS_PER_S))
            await story(rehearsal)
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    run_virtual(main, rehearsal.clock)
    return rehearsal


def test_a_preview_changes_nothing() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        account, turns = rehearsal.engine.account, rehearsal.engine.turns
        rehearsal.preview(TicketRequest())
        rehearsal.ways_out("G-001")
        rehearsal.look_at("G-001")
        rehearsal.snapshot()
        assert rehearsal.engine.account is account
        assert rehearsal.engine.turns == turns

    play(story)


def test_a_ticket_gets_the_next_free_number_and_its_legs_in_sending_order() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        preview = rehearsal.preview(TicketRequest(lots="3"))
        assert preview.problem == ""
        assert preview.plan is not None
        assert preview.plan.group_id == "G-002"
        assert [leg.side for leg in preview.legs] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL]
        assert {leg.units for leg in preview.legs} == {195}
        assert (preview.children, preview.budget_s) == (4, 1)
        assert preview.margin_words.startswith("Passed: at worst it needs")
        assert preview.margin_paise is not None
        assert 0 < preview.margin_paise < preview.margin_limit_paise
        assert preview.net_paise is not None
        assert preview.net_paise > 0
        assert preview.max_loss_paise == 200_00 * 195 - preview.net_paise
        assert preview.structure.startswith("defined risk")
        assert len(preview.expiries) == 2

    play(story)


def test_a_ticket_that_offsets_a_short_of_another_group_shows_it() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        assert [leg.score for leg in rehearsal.preview(TicketRequest()).legs] == [100, 100, -50, -50]
        preview = rehearsal.preview(TicketRequest(strategy="long_straddle"))
        assert preview.plan is not None
        assert [leg.score for leg in preview.legs] == [50, 50]
        assert all(leg.reason.startswith("offsets the short") for leg in preview.legs)

    play(story, at_s=40.0)


def test_the_plan_of_a_preview_is_accepted_as_it_is() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        plan = rehearsal.preview(TicketRequest(strategy="bull_put_spread", lots="2")).plan
        assert plan is not None
        rehearsal.submit(plan, "a test")
        await rehearsal.clock.sleep_until(rehearsal.clock.now_ns() + 5 * NS_PER_S)
        group = rehearsal.engine.account.groups["G-002"]
        assert group.plan.copies == 2
        assert group.state in (ExecutionLifecycle.PARTIALLY_EXPOSED, ExecutionLifecycle.OPEN)

    play(story)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (TicketRequest(lots="2.5"), "Lots must be a whole number from 1 to 10,000, not 2.5."),
        (TicketRequest(lots=""), "Lots must be a whole number from 1 to 10,000, not nothing."),
        (TicketRequest(lots="1e9"), "Lots cannot be '1e9': give a whole number"),
        (TicketRequest(call="abc"), "The call cannot be 'abc': give a strike (24900)"),
        (TicketRequest(call="NaN"), "The call cannot be 'NaN'"),
        (TicketRequest(put="Infinity"), "The put cannot be 'Infinity'"),
        (TicketRequest(call="0"), "The call cannot be 0: a strike lies above zero."),
        (TicketRequest(call="24901"), "has no CE with strike 24901; nearest are"),
        (TicketRequest(width="12"), "has no PE with strike"),
        (TicketRequest(stop="1"), "The stop must lie above 1 and at most at 20 times"),
        (TicketRequest(strategy="butterfly"), "No strategy is called 'butterfly'"),
        (TicketRequest(underlying="GOLD"), "This market has no options on 'GOLD'"),
        (TicketRequest(expiry=date(2020, 1, 2)), "No option expires on 2020-01-02"),
        (
            TicketRequest(strategy="strangle"),
            "short units would stand naked, and the group does not allow it",
        ),
        (
            TicketRequest(strategy="strangle", allow_naked=True),
            "short units would stand naked, and the settings do not allow it",
        ),
        (TicketRequest(lots="900"), "Refused: with the"),
        (TicketRequest(put="25100", call="24000"), "must lie below the call"),
    ],
)
def test_what_is_wrong_with_a_ticket_is_a_sentence(asked: TicketRequest, said: str) -> None:
    async def story(rehearsal: Rehearsal) -> None:
        problem = rehearsal.preview(asked).problem
        assert said in problem
        assert problem.endswith(".")
        assert problem[0].isupper() or problem[0].isdigit()

    play(story)


def test_strikes_may_be_deltas_or_distances() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        preview = rehearsal.preview(TicketRequest(call="0.20", put="-0"))
        assert preview.problem == "" or "must lie below" in preview.problem
        preview = rehearsal.preview(TicketRequest(call="0.20", put="+400"))
        sold = {leg.label[-2:]: leg for leg in preview.legs if leg.side is Side.SELL}
        assert sold["CE"].delta == pytest.approx(0.20, abs=0.1)
        assert int(sold["PE"].label[:5]) < 24_200

    play(story)


def test_a_calendar_sells_the_near_expiry_and_buys_the_far_one() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        preview = rehearsal.preview(TicketRequest(strategy="calendar"))
        assert preview.problem == ""
        assert preview.net_paise is not None
        assert preview.net_paise < 0

    play(story)


def test_a_ticket_is_refused_while_the_kill_switch_is_on() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        rehearsal.command(OperatorCommand(OperatorAction.KILL, "", "a test", 0))
        await rehearsal.clock.sleep_until(rehearsal.clock.now_ns() + NS_PER_S)
        assert "kill switch is on" in rehearsal.preview(TicketRequest()).problem

    play(story)


def test_a_ticket_before_the_funds_are_known_cannot_be_judged() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        rehearsal.engine.books.funds = None
        assert "has not told the funds" in rehearsal.preview(TicketRequest()).problem

    play(story)


def test_a_read_only_session_has_no_preview_to_send() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        preview = rehearsal.preview(TicketRequest())
        assert preview.problem == READ_ONLY
        assert preview.plan is None

    play(story, observe=True)


@pytest.mark.parametrize("scenario", ["calm", "slow-leg", "leg-rejected"])
@pytest.mark.parametrize("at_s", [3.0, 6.0, 12.0])
def test_a_way_out_foresees_exactly_what_the_command_then_decides(scenario: str, at_s: float) -> None:
    async def story(rehearsal: Rehearsal) -> None:
        engine = rehearsal.engine
        ways = rehearsal.ways_out("G-001")
        assert tuple(way.action for way in ways) == WAYS
        for way in ways:
            command = OperatorCommand(way.action, "G-001", "a test", 7)
            decided = decide(
                engine.account,
                command,
                engine.view,
                engine.clock.now_ns(),
                collaborators=engine.coordinator.collaborators,
            )
            sent = [row.fact.order for row in decided.rows if isinstance(row.fact, OrderIntended)]
            assert [(each.side, each.units, each.limit_paise) for each in way.at_once] == [
                (order.side, order.units, order.limit_paise) for order in sent
            ]
            others = [row for row in decided.rows if not isinstance(row.fact, OperatorActed)]
            assert way.works == bool(others)
            assert way.state == decided.account.groups["G-001"].state.value
            assert way.answer

    play(story, scenario, at_s)


def test_unwinding_names_everything_that_is_held() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        group = rehearsal.engine.account.groups["G-001"]
        way = next(way for way in rehearsal.ways_out("G-001") if way.action is OperatorAction.UNWIND)
        traded: dict[str, int] = {}
        for each in (*way.at_once, *way.then):
            traded[each.label] = traded.get(each.label, 0) + each.side.sign * each.units
        held = {leg.plan.contract.label: leg.net_units for leg in group.legs if leg.net_units}
        assert traded == {label: -units for label, units in held.items()}

    play(story, "slow-leg", 6.0)


def test_an_unknown_group_has_no_way_out() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        assert rehearsal.ways_out("G-404") == ()

    play(story)


def test_a_look_follows_what_is_held_and_agrees_with_the_exposure() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        assert rehearsal.snapshot().look is None
        rehearsal.look_at("G-001")
        snapshot = rehearsal.snapshot()
        look, exposure = snapshot.look, snapshot.exposures["G-001"]
        assert look is not None
        assert (look.group_id, look.basis, look.problem) == ("G-001", "held", "")
        flat = look.vol_steps.index(0.0)
        assert look.grid_paise[flat][look.price_steps.index(0.0)] == pytest.approx(
            exposure.pnl_paise, abs=5_00_000
        )
        down = look.grid_paise[flat][look.price_steps.index(-0.03)]
        here = look.grid_paise[flat][look.price_steps.index(0.0)]
        assert down - here == pytest.approx(exposure.loss_down_paise, rel=0.02, abs=100_00)
        assert all(each.group_id == "G-001" for each in look.log)
        assert look.log
        rehearsal.look_at("")
        assert rehearsal.snapshot().look is None

    play(story)


def test_units_whose_price_is_not_known_yet_count_at_todays_value() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        account = rehearsal.engine.account
        group = account.groups["G-001"]
        told = replace(group.legs[2], sold_units=1_300, priced_sold_units=0, sold_value_paise=0)
        group = replace(group, legs=(*group.legs[:2], told, *group.legs[3:]))
        rehearsal.engine.account = account.with_group(group)
        rehearsal.look_at("G-001")
        snapshot = rehearsal.snapshot()
        rehearsal.engine.account = account
        assert snapshot.look is not None
        here = snapshot.look.grid_paise[1][snapshot.look.price_steps.index(0.0)]
        pnl = snapshot.exposures["G-001"].pnl_paise
        assert here == pytest.approx(pnl, abs=5_000_00)

    play(story)


def test_looking_elsewhere_makes_no_new_version_a_core_that_stands_still_stays_seen() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        version = rehearsal.snapshot().version
        rehearsal.look_at("G-001")
        assert rehearsal.snapshot().version == version
        assert rehearsal.snapshot().look is not None

    play(story)


def test_a_look_before_anything_is_held_shows_the_plan() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        account = rehearsal.engine.account
        group = account.groups["G-001"]
        bare = replace(
            group,
            legs=tuple(replace(leg, bought_units=0, sold_units=0) for leg in group.legs),
            orders={},
            live=(),
        )
        rehearsal.engine.account = account.with_group(bare)
        rehearsal.look_at("G-001")
        look = rehearsal.snapshot().look
        rehearsal.engine.account = account
        assert look is not None
        assert look.basis == "planned"
        assert look.max_loss_paise is not None

    play(story)


def test_the_brokers_books_are_published_as_they_were_read() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        books = rehearsal.snapshot().books
        assert books is not None
        assert books is rehearsal.engine.books.newest
        assert {order.tags[0] for order in books.orders} <= set(
            rehearsal.engine.account.groups["G-001"].orders
        )

    play(story)
