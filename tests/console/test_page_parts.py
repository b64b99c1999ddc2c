"""What pages are made of, without a screen: orders, windows, amounts, grids, curves, positions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from console.demo import busy_snapshot, demo_groups
from console.glyphs import ASCII, UNICODE
from console.pages.child_orders import OUTCOME_WORD, order_row, order_table
from console.pages.guards import guard_lines
from console.pages.positions import expiry_lines, standings
from console.pages.worth import compact_rupees, payoff_chart, shock_grid
from console.panels.timeline import exposed_window, shaded
from console.scene import Scene
from console.widgets.bars import signed_area
from console.widgets.framed import frame_top
from console.widgets.line import line, plain, width_of, wrap
from console.widgets.plot import plot, stretched
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus, Outcome
from core.domain.timing import NS_PER_MS
from core.engine.snapshot import Expiries, ExpiryOutlook, GroupLook
from tests.console.hands import hands_on


def test_every_outcome_of_a_send_has_its_own_word_and_sign() -> None:
    group = demo_groups()[5]
    order = next(iter(group.orders.values()))
    rows = set()
    for outcome in OUTCOME_WORD:
        made = replace(
            order,
            outcome=outcome,
            order_id="1" if outcome is Outcome.CONFIRMED else None,
            status=OrderStatus.OPEN if outcome is Outcome.CONFIRMED else OrderStatus.INTENDED,
        )
        for glyphs in (UNICODE, ASCII):
            rows.add(plain(order_row(group, made, glyphs, wide=True)))
    assert len(rows) == 2 * len(OUTCOME_WORD)


def test_orders_that_do_not_fit_are_counted() -> None:
    group = demo_groups()[5]
    lines = [plain(each) for each in order_table(group, UNICODE, 90, 5)]
    assert len(lines) == 5
    assert "3 more" in lines[-1]


def test_the_exposed_window_ends_when_the_group_is_whole() -> None:
    condor, bull_put = demo_groups()[5], demo_groups()[4]
    now = condor.good_until_ns
    window = exposed_window(condor, now)
    assert window is not None
    assert window[1] == now
    ended = exposed_window(bull_put, now)
    assert ended is not None
    assert ended[1] == bull_put.legs[1].filled_at_ns
    assert exposed_window(replace(condor, legs=(), first_fill_ns=0), now) is None


def test_shading_changes_the_ground_and_no_character() -> None:
    track = (("abcdef", "text"), ("ghi", "long"))
    assert shaded(track, 2, 7) == (
        ("ab", "text"),
        ("cdef", "text on selected"),
        ("gh", "long on selected"),
        ("i", "long"),
    )


@pytest.mark.parametrize(
    ("paise", "text"),
    [
        (0, "0"),
        (94_000, "+940"),
        (-9_20_000, "−9.2k"),
        (99_960_0, "+10k"),
        (-94_00_000, "−94k"),
        (1_20_000_00, "+1.2L"),
        (-99_96_000_00, "−1.0Cr"),
        (-12_00_00_000_00, "−12Cr"),
    ],
)
def test_an_amount_in_few_cells(paise: int, text: str) -> None:
    assert compact_rupees(paise, UNICODE) == text


def test_a_grid_shows_every_sign_and_marks_the_worst() -> None:
    look = GroupLook(
        "G-001",
        price_steps=(-0.05, 0.0, 0.05),
        vol_steps=(0.0, 0.3),
        grid_paise=((-5, 200_00, 3), (1, -900_00, 7)),
    )
    lines = shock_grid(look, UNICODE, 60)
    worst = [text for each in lines for text, tone in each if tone == "bold bright on breach"]
    assert worst == ["−900"]
    assert "at price now, IV +30%" in plain(lines[-1])


def test_a_look_that_cannot_be_had_says_why() -> None:
    said = payoff_chart(GroupLook("G-001", problem="No quote."), UNICODE, 40, 10)
    assert plain(said[0]) == "No quote."
    assert "worked out" in plain(payoff_chart(None, UNICODE, 40, 10)[0])


def test_gains_stand_above_the_zero_line_and_losses_below() -> None:
    lines = plot([-10, -10, 10, 10], [0, 0, 0, 0], 8, 6, UNICODE)
    tones = [{tone for text, tone in each if text.strip()} for each in lines]
    assert "ok" in tones[0]
    assert "breach" in tones[-1]
    assert all(width_of(each) == 8 for each in lines)
    assert all(plain(each).isascii() for each in plot([-1, 1], [1, -1], 8, 6, ASCII))


def test_a_curve_is_stretched_straight_between_its_points() -> None:
    assert stretched([0, 10], 3) == [0, 5, 10]
    assert stretched([7], 2) == [7, 7]


def test_a_short_delta_hangs_below_the_zero_line() -> None:
    assert signed_area([4.0], 4.0, 2, UNICODE) == ["█", "█"]
    assert signed_area([-1.0], 4.0, 2, UNICODE) == ["▀", " "]
    up, down = signed_area([4.0, -4.0, None, 0.0], 4.0, 2, UNICODE)
    assert up == "█   "
    assert down == " █  "


def test_positions_are_joined_over_groups_and_what_nobody_explains_comes_first() -> None:
    found = standings(busy_snapshot())
    assert (found[0].label, found[0].difference, found[0].ours) == ("25300 CE", -65, -65)
    shared = next(each for each in found if each.label == "24600 PE")
    assert shared.holders == (("G-012", 325), ("G-014", -520))
    assert shared.difference == 0
    foreign = next(each for each in found if each.foreign)
    assert (foreign.broker, foreign.ours, foreign.difference) == (-75, 0, 0)


def test_what_has_filled_since_the_books_were_asked_for_is_not_held_against_them() -> None:
    busy = busy_snapshot()
    assert busy.books is not None
    group = busy.account.groups["G-011"]
    known_ns = busy.books.asked_at_ns - busy.account.settings.position_lag_ms * NS_PER_MS

    def difference(filled_ns: int) -> int:
        legs = tuple(replace(leg, filled_at_ns=filled_ns) for leg in group.legs)
        groups = {**busy.account.groups, "G-011": replace(group, legs=legs)}
        seen = replace(busy, account=replace(busy.account, groups=groups))
        return next(each.difference for each in standings(seen) if each.label == "25300 CE")

    assert difference(known_ns - 1) == -65
    assert difference(known_ns) == 0


def test_what_has_expired_is_explained_until_the_broker_settles_it() -> None:
    busy = busy_snapshot()
    contract = busy.account.groups["G-011"].legs[1].plan.contract
    late = replace(
        busy,
        view=replace(busy.view, expiries_ns={contract.expiry: busy.at_ns}),
        account=replace(busy.account, groups={}, foreign={}),
    )
    found = {each.label: each for each in standings(late)}
    assert (found["25300 CE"].broker, found["25300 CE"].difference) == (-130, 0)
    assert found["25300 CE"].expired
    assert found["25300 CE"].expired_words == "expired, not settled yet"
    assert replace(found["25300 CE"], broker=0).expired_words == "expired"
    before = replace(late, at_ns=late.at_ns - 1)
    assert {each.label: each.difference for each in standings(before)}["25300 CE"] == -130


def test_a_word_that_just_fits_a_line_is_not_cut_for_the_space_behind_it() -> None:
    lines = [plain(each) for each in wrap(line("every word of this fits exactly"), 10)]
    assert lines == ["every word", "of this", "fits", "exactly"]


def test_an_empty_remark_leaves_the_rule_of_the_frame_whole() -> None:
    top = plain(frame_top("╭─╮││╰─╯", "Legs", (("", "muted"),), 20, "line", UNICODE))
    assert top == "╭─ Legs ───────────╮"


def test_a_ratio_is_a_warning_only_in_a_group_at_rest() -> None:
    busy = busy_snapshot()
    group = busy.account.groups["G-014"]

    def said(state: ExecutionLifecycle, *, holds: bool) -> list[tuple[str, str]]:
        look = GroupLook("G-014", ratio_words="balanced" if holds else "mismatch", ratio_holds=holds)
        scene = Scene(replace(busy, look=look))
        lines = guard_lines(replace(group, state=state), scene)
        (found,) = [each for each in lines if "ratio" in plain(each)]
        return [found[0], found[-1]]

    assert said(ExecutionLifecycle.OPEN, holds=True) == [("✔ ", "ok"), ("balanced", "ok")]
    assert said(ExecutionLifecycle.MANUAL, holds=False) == [("▲ ", "bold warn"), ("mismatch", "bold warn")]
    assert said(ExecutionLifecycle.PLACING, holds=False)[1] == ("mismatch", "muted")
    look = GroupLook("G-014", ratio_words="mismatch", ratio_holds=False)
    first = guard_lines(replace(group, state=ExecutionLifecycle.OPEN), Scene(replace(busy, look=look)))[0]
    assert "mismatch" in plain(first), "a fault comes before what there is no room for"


def test_a_look_at_another_group_says_nothing_of_this_one() -> None:
    busy = busy_snapshot()
    scene = Scene(replace(busy, look=GroupLook("G-013", ratio_words="balanced")))
    lines = guard_lines(busy.account.groups["G-014"], scene)
    assert not any("ratio" in plain(each) for each in lines)


def test_what_expiry_would_make_of_everything_is_a_line_and_a_sentence_for_what_delivers() -> None:
    paying = ExpiryOutlook(
        date(2025, 11, 28), "NIFTY", 24_812_35, 3, cash_paise=-12_340_00, in_cash=3, lapsing=2
    )
    blind = ExpiryOutlook(date(2025, 11, 28), "SENSEX", None, 3, unjudged=1)
    warning = "RELIANCE25NOV1400CE: short 500 of a stock option with 1 session left"
    delivering = ExpiryOutlook(date(2025, 11, 27), "RELIANCE", 1_450_00, 1, delivered=1, warnings=(warning,))
    expiries = Expiries((delivering, paying, blind), ("BANKNIFTY25NOV55000CE",))
    scene = Scene(replace(busy_snapshot(), expiries=expiries))
    assert [plain(each) for each in expiry_lines(scene, 120)] == [
        f"▲ {warning}",
        "27-NOV  RELIANCE at 1,450.00  its last session   1 in shares",
        "28-NOV  NIFTY at 24,812.35  3 sessions left   −₹ 12,340 in cash for 3, 2 lapse",
        "28-NOV  SENSEX  3 sessions left   1 not judged: no price of SENSEX",
        "not judged, not in the list of contracts: BANKNIFTY25NOV55000CE",
    ]
    assert all(width_of(each) <= 40 for each in expiry_lines(scene, 40))


def test_what_delivers_is_in_view_in_the_smallest_terminal_whatever_is_held() -> None:
    warnings = tuple(f"STOCK{number}: short 500 of a stock option" for number in range(9))
    outlook = ExpiryOutlook(date(2025, 11, 27), "STOCKS", None, 1, unjudged=9, warnings=warnings)
    busy = replace(busy_snapshot(), expiries=Expiries((outlook,)))

    async def story() -> str:
        async with hands_on(busy, size=(100, 30)) as hands:
            await hands.press("p")
            return hands.text("positions-page")

    said = asyncio.run(story())
    assert warnings[0] in said
    assert "lines more" in said
    assert "25300 CE" in said
