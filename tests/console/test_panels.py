"""What the panels say, and that they build and paint no more than what changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from console.demo import busy_snapshot, calm_snapshot, empty_snapshot
from console.glyphs import ASCII, UNICODE, Glyphs
from console.panels.delta import mark_line, sampled
from console.panels.groups import columns_for, row_of
from console.panels.header import header_line
from console.panels.lag import histogram
from console.panels.margin import basket_lines
from console.panels.payoff import payoff_of
from console.panels.timeline import entry_filled_ns
from console.scene import Scene
from console.widgets.bars import area, leg_bar, meter
from console.widgets.line import cells, cut, line, plain, spread, width_of, wrap
from console.wording import LOOK, listed, sign, signed, signed_rupees, span, strategy_words, worst_first
from core.domain.account import KillSwitch
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Fill
from core.engine.snapshot import BasketHistory, DeltaPoint, Health, NextMove, Snapshot
from tests.console.hands import Hands, hands_on
from tests.console.moving import MovingService

SECOND = 1_000_000_000


def run(story, snapshot: Snapshot | None = None, **chosen):  # type: ignore[no-untyped-def]
    async def play() -> None:
        async with hands_on(snapshot, **chosen) as hands:
            await story(hands)

    asyncio.run(play())


def test_the_group_that_needs_a_person_comes_first_and_the_sentence_says_the_key() -> None:
    assert worst_first(busy_snapshot()) == ("G-011", "G-014", "G-010", "G-013", "G-012", "G-009")

    async def story(hands: Hands) -> None:
        said = hands.text("groups")
        assert "G-011 needs you: put leg: cancel unconfirmed" in said
        assert "F9 to flatten" in said
        assert "G-014 needs nothing from you" in said
        assert "G-013, G-012 and G-009 need nothing from you." in said

    run(story)


@pytest.mark.parametrize("state", list(ExecutionLifecycle))
def test_every_state_of_every_group_has_a_sentence(state: ExecutionLifecycle) -> None:
    busy = busy_snapshot()
    group = replace(busy.account.groups["G-013"], state=state, reason="")
    alone = replace(busy, moves={}, account=replace(busy.account, groups={"G-013": group}))

    async def story(hands: Hands) -> None:
        said = hands.text("groups")
        if state is ExecutionLifecycle.MANUAL:
            assert "G-013 needs you" in said
        elif group.is_over:
            assert "closed" in said
            assert "rejected" in said
        else:
            assert "G-013 needs nothing from you" in said

    run(story, alone)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_states_differ_without_colour(glyphs: Glyphs) -> None:
    group = busy_snapshot().account.groups["G-013"]
    rows = {
        plain(row_of(replace(group, state=state), None, 0, columns_for(width), glyphs))
        for state in ExecutionLifecycle
        for width in (100,)
    }
    assert len(rows) == len(ExecutionLifecycle)
    severe = {
        sign(glyphs, LOOK[state].sign) for state in (ExecutionLifecycle.MANUAL, ExecutionLifecycle.OPEN)
    }
    assert len(severe) == 2


def test_only_ascii_is_drawn_where_only_ascii_was_asked_for() -> None:
    async def story(hands: Hands) -> None:
        for panel in (
            "header",
            "groups",
            "legs",
            "delta",
            "margin",
            "lag",
            "reconciliation",
            "alerts",
            "footer",
        ):
            assert hands.text(panel).isascii(), panel
        await hands.press("f9")
        assert hands.text("flatten").isascii()

    run(story, plain=True)


def test_a_step_builds_only_the_rows_whose_group_changed() -> None:
    async def story(hands: Hands) -> None:
        panel = hands.app.main.groups
        built = panel.rows_built
        now = hands.service.current
        changed = replace(now.account.groups["G-013"], sends=9)
        groups = {**now.account.groups, "G-013": changed}
        await hands.publish(
            replace(now, version=now.version + 1, account=replace(now.account, groups=groups))
        )
        assert panel.rows_built == built + 1

    run(story)


def test_an_unchanged_snapshot_repaints_nothing_and_a_changed_log_only_the_log() -> None:
    async def story(hands: Hands) -> None:
        panels = {
            panel: hands.app.main.query_one(f"#{panel}") for panel in ("groups", "legs", "margin", "log")
        }
        before = {name: panel.repainted_lines for name, panel in panels.items()}  # type: ignore[attr-defined]
        hands.app.repaint_all()
        assert before == {name: panel.repainted_lines for name, panel in panels.items()}  # type: ignore[attr-defined]
        now = hands.service.current
        await hands.publish(replace(now, version=now.version + 1, log=now.log[:-1]))
        after = {name: panel.repainted_lines for name, panel in panels.items()}  # type: ignore[attr-defined]
        assert {name for name in panels if after[name] != before[name]} == {"log"}

    run(story)


def test_a_core_that_stops_publishing_is_seen_to_have_stopped() -> None:
    async def story(hands: Hands) -> None:
        assert "◷" not in hands.text("margin")
        await hands.wait(4_200)
        hands.app.repaint_all()
        assert "◷ 4.2s" in hands.text("margin")
        assert "core silent 4 s" in hands.text("header")
        assert "The core has said nothing for 4.2 s" in hands.text("groups")
        await hands.publish(replace(hands.service.current, version=99_000))
        assert "◷" not in hands.text("margin")

    run(story)


def test_a_run_that_is_over_is_not_called_silent() -> None:
    async def story(hands: Hands) -> None:
        await hands.wait(60_000)
        hands.app.repaint_all()
        assert "◷" not in hands.text("margin")
        assert "calm is over: PASS" in hands.text("groups")

    run(story, replace(calm_snapshot(), finished=True, verdict="PASS"))


def test_the_heartbeat_turns_with_the_core_and_not_with_the_screen() -> None:
    one = plain(header_line(Scene(snapshot=replace(empty_snapshot(), version=5)), 160))
    same = plain(header_line(Scene(snapshot=replace(empty_snapshot(), version=5)), 160))
    other = plain(header_line(Scene(snapshot=replace(empty_snapshot(), version=6)), 160))
    assert one == same != other


@pytest.mark.parametrize("width", [100, 120, 160, 240])
def test_the_header_always_names_what_is_not_as_it_should_be(width: int) -> None:
    busy = busy_snapshot("LIVE")
    health = Health(stream_up=False, poll_failing=True, journal_ok=False)
    kill = KillSwitch(True, "journal", "the core", busy.at_ns)
    scene = Scene(snapshot=replace(busy, health=health, account=replace(busy.account, kill=kill)))
    text = plain(header_line(scene, width))
    assert cells(text) == width
    for word in ("LIVE", "stream down", "poll failing", "journal FAILING", "KILL ON"):
        assert word in text


def test_a_panel_that_fails_says_so_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(hands: Hands) -> None:
        def broken(*_: object) -> list[object]:
            raise ZeroDivisionError("no columns")

        monkeypatch.setattr(hands.app.main.legs, "content", broken)
        await hands.publish(replace(hands.service.current, version=90_000, day_pnl_paise=1_00))
        assert "The legs panel failed" in hands.text("legs")
        assert "₹ 1 " in hands.text("header")
        assert hands.app.crash is None

    run(story)


def test_two_hundred_groups_keep_the_selected_one_in_view() -> None:
    service = MovingService(200)

    async def story(hands: Hands) -> None:
        for _ in range(15):
            await hands.press("pagedown")
        assert hands.app.selection.group in hands.text("groups")
        assert "not shown" in hands.text("groups")

    run(story, service.current)


def test_numbers_are_said_as_a_trader_reads_them() -> None:
    assert signed(-4.12, UNICODE) == "−4.1"
    assert signed(0.04, UNICODE) == "0"
    assert signed_rupees(18_420_00, UNICODE, symbol=True) == "+₹ 18,420"
    assert signed_rupees(-1_23_45_678_00, ASCII) == "-1,23,45,678"
    assert [span(each) for each in (412, 9_400, 185_000, 7_620_000)] == ["412 ms", "9.4 s", "3m05", "2h07"]
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_strategies_are_named_by_the_strikes_that_are_sold() -> None:
    groups = busy_snapshot().account.groups
    said = [strategy_words(groups[name].plan, UNICODE) for name in ("G-014", "G-013", "G-012", "G-009")]
    assert said == [
        "iron condor 24600/25100",
        "bull put 24300/24400",
        "iron fly 24800 ±200",
        "calendar 24800",
    ]


def test_lines_are_cut_padded_and_wrapped_by_cells() -> None:
    text = line(("wide 漢字", "text"), (" tail", "muted"))
    assert width_of(text) == 14
    assert plain(cut(text, 8)) == "wide 漢…"
    assert width_of(spread(text, line("right"), 40)) == 40
    rows = wrap(line(("one two three four five", "text")), 10, 2)
    assert [plain(row).rstrip() for row in rows] == ["one two", "  three", "  four", "  five"]
    assert plain(wrap(line("unbreakablylongword"), 8)[0]) == "unbreak…"


def test_bars_never_round_a_beginning_to_nothing_nor_an_almost_to_whole() -> None:
    assert plain(leg_bar(0.001, 4, "━", UNICODE, "long")) == "━╌╌╌"
    assert plain(leg_bar(0.999, 4, "━", UNICODE, "long")) == "━━━╌"
    assert plain(leg_bar(1.0, 4, "━", UNICODE, "long")) == "━━━━"
    assert width_of(meter(1.7, None, 20, UNICODE, ("ok", "ok"))) == 20
    assert area([0.0, 0.01, 5.0, None], 5.0, 2, UNICODE) == ["  █ ", " ▁█ "]


def test_the_minute_keeps_its_extremes_and_its_marks() -> None:
    now = 1_000 * SECOND
    points = [DeltaPoint(now - 59 * SECOND, -30.0, True, "wing filled"), DeltaPoint(now - SECOND, 4.0, False)]
    columns = sampled(points, now, 60)
    assert columns[0] is None
    assert columns[1] == (-30.0, True)
    assert columns[59] == (4.0, False)
    assert "▲ wing filled" in plain(mark_line(points, now, 51, UNICODE))


def test_the_payoff_of_a_whole_credit_spread_has_its_known_extremes() -> None:
    group = busy_snapshot().account.groups["G-013"]
    payoff = payoff_of(group, 61)
    assert payoff is not None
    credit = (39_10 - 28_40) * 650
    assert max(payoff.results) == credit
    assert min(payoff.results) == credit - 100_00 * 650
    assert payoff.breakevens == (24_400_00 - (39_10 - 28_40),)
    assert payoff_of(busy_snapshot().account.groups["G-009"], 61) is None


def test_a_sentence_that_is_longer_than_the_screen_keeps_its_key() -> None:
    busy = busy_snapshot()
    moves = {**busy.moves, "G-011": NextMove("long " * 30, True, "F9")}

    async def story(hands: Hands) -> None:
        assert "F9 to flatten" in hands.text("groups")

    run(story, replace(busy, moves=moves), size=(100, 30))


def test_a_histogram_shows_its_last_bucket_however_narrow_it_is() -> None:
    buckets = (0,) * 47 + (9,)
    for width in (30, 51, 80):
        rows = histogram(buckets, 5.0, width, 1, Scene())
        assert "█" in plain(rows[0]), width
        assert "0–240+ ms" in plain(rows[0])


def test_the_track_of_a_leg_that_was_closed_still_ends_at_its_entry() -> None:
    group = busy_snapshot().account.groups["G-013"]
    leg = group.legs[0]
    tag, order = next((tag, each) for tag, each in group.orders.items() if each.leg == 0)
    fill = Fill("1", order.order_id or "", order.symbol, order.side, 650, 28_40, leg.sent_at_ns + SECOND)
    orders = {**group.orders, tag: replace(order, trades=(fill,))}
    closed = replace(group, orders=orders, legs=(replace(leg, filled_at_ns=leg.sent_at_ns + 900 * SECOND),))
    assert entry_filled_ns(closed, closed.legs[0]) == leg.sent_at_ns + SECOND


def test_a_log_whose_object_changed_but_not_its_lines_is_not_built_again() -> None:
    async def story(hands: Hands) -> None:
        panel = hands.app.main.log_panel
        before = panel.repainted_lines
        now = hands.service.current
        await hands.publish(replace(now, version=now.version + 1, log=(*now.log,)))
        assert panel.repainted_lines == before
        await hands.publish(
            replace(now, version=now.version + 2, log=(*now.log[1:], replace(now.log[-1], seq=99_999)))
        )
        assert panel.repainted_lines > before

    run(story)


def test_headroom_is_judged_by_the_larger_of_now_and_worst() -> None:
    async def story() -> str:
        busy = busy_snapshot()
        made = replace(busy, margin=replace(busy.margin, used_paise=6_00_000_00, worst_paise=1_00_000_00))
        async with hands_on(made) as hands:
            return hands.text("margin")

    said = asyncio.run(story())
    assert "94 %" in said.splitlines()[1]


def test_the_brokers_basket_stands_beside_how_far_our_own_figures_were_off() -> None:
    busy = busy_snapshot()

    def said(compared: int, width: int = 52) -> list[str]:
        baskets = BasketHistory(busy.margin.baskets.comparisons[:compared])
        made = replace(busy, margin=replace(busy.margin, baskets=baskets))
        return [plain(each) for each in basket_lines(Scene(snapshot=made), width)]

    assert said(0) == []
    assert said(1) == ["broker's basket of G-005 ₹ 1,85,300  ours +3.8 %"]
    assert said(3) == [
        "broker's basket of G-012 ₹ 2,98,400  ours +3.8 %",
        "compared 3  median +3.8 %  lowest −0.8 %",
    ]
    assert said(1, 40) == ["basket G-005 ₹ 1,85,300  ours +3.8 %"]


@pytest.mark.parametrize("size", [(160, 50), (120, 40)])
def test_the_brokers_basket_is_in_view_wherever_there_is_a_line_for_it(size: tuple[int, int]) -> None:
    async def story() -> str:
        async with hands_on(size=size) as hands:
            return hands.text("margin")

    assert "G-012 ₹ 2,98,400  ours +3.8 %" in asyncio.run(story())
