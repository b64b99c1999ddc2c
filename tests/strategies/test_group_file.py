"""Group files: what they may say, and errors that point at a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.domain.groups import GroupPlan, IncompletePolicy
from core.domain.instruments import Product
from core.domain.settings import ExecutionSettings
from core.domain.timing import to_ist
from core.strategies.errors import StrategyError
from core.strategies.group_file import GroupFileError, parse_group, plan_from_file, plan_from_group
from core.strategies.toml_lines import line_of
from tests.risk.chains import NOON_NS, synthetic_view

VIEW = synthetic_view()

CUSTOM = """\
strategy = "custom"
lots = 2

[[leg]]
side = "BUY"
right = "PE"
strike = 24000

[[leg]]
side = "SELL"
right = "PE"
offset = 250
"""


def plan(text: str) -> GroupPlan:
    return plan_from_group(
        parse_group(text, "group.toml"),
        VIEW,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
    )


def test_a_file_says_everything_a_plan_holds(tmp_path: Path) -> None:
    path = tmp_path / "condor.toml"
    path.write_text(
        """\
strategy = "iron_condor"
underlying = "NIFTY"
expiry = 2026-08-25
lots = 4
width = 200
call = { delta = 0.2 }
put = { strike = 24200 }
product = "MIS"
on_incomplete = "unwind"
limit_net = 45.5
max_slippage_pct = 2.5
good_for_minutes = 10
exit_at = 15:10:00
[stop]
premium_multiple = 2
loss = 25000
target = 12000.50
below = 23900
above = 25400
"""
    )
    group = plan_from_file(
        path, VIEW, group_id="G-007", number=7, now_ns=NOON_NS, settings=ExecutionSettings()
    )
    assert (group.group_id, group.number, group.strategy, group.copies) == ("G-007", 7, "iron_condor", 4)
    assert (group.product, group.on_incomplete) == (Product.MIS, IncompletePolicy.UNWIND)
    assert (group.limit_net_paise, group.max_slippage_bps) == (45_50, 250)
    assert group.good_until_ns - NOON_NS == 600 * 10**9
    assert group.exit_at_ns is not None
    assert f"{to_ist(group.exit_at_ns):%Y-%m-%d %H:%M}" == "2026-08-14 15:10"
    assert (group.stop_premium_bps, group.stop_loss_paise, group.target_paise) == (
        20_000,
        25_000_00,
        12_000_50,
    )
    assert (group.stop_below_paise, group.stop_above_paise) == (23_900_00, 25_400_00)
    assert all(f"{leg.contract.expiry}" == "2026-08-25" for leg in group.legs)
    assert "24200 PE" in {leg.contract.label for leg in group.legs}


def test_custom_legs_take_ratios_and_two_expiries() -> None:
    group = plan(
        CUSTOM.replace("offset = 250", "offset = 250\nratio = 2").replace(
            "strike = 24000", "strike = 24000\nexpiry = 2026-08-25"
        )
    )
    assert {(leg.ratio, f"{leg.contract.expiry}") for leg in group.legs} == {
        (1, "2026-08-25"),
        (2, "2026-08-18"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strategy =", "not valid TOML"),
        ("lots = 1", "strategy: Field required"),
        ('strategy = "iron_condr"\nlots = 1', "known strategies are bear_call_spread"),
        ('strategy = "straddle"', "give the quantity once"),
        ('strategy = "straddle"\nlots = 1\nunits = 65', "give the quantity once"),
        ('strategy = "straddle"\nlots = 0', "line 2: lots: .*greater than or equal to 1 .it is 0."),
        ('strategy = "straddle"\nlots = true', "line 2: lots: .*valid integer"),
        ('strategy = "straddle"\nlots = 2.5', "line 2: lots: .*valid integer"),
        ('strategy = "straddle"\nlots = 1\nwidht = 3', "line 3: widht: no such key"),
        (
            'strategy = "straddle"\nlots = 1\ncall = { strike = 1, delta = 0.2 }',
            "line 3: call: .*exactly one way",
        ),
        ('strategy = "straddle"\nlots = 1\ncall = { delta = nan }', "line 3: call.delta"),
        ('strategy = "straddle"\nlots = 1\nlimit_net = inf', "line 3: limit_net"),
        (
            'strategy = "straddle"\nlots = 1\n[stop]\nbelow = 5\nabove = 4',
            "line 3: stop: 'below' must be a lower",
        ),
        ('strategy = "straddle"\nlots = 1\n[[leg]]\nside = "BUY"\nright = "CE"\nstrike = 5', "need strategy"),
        ('strategy = "custom"\nlots = 1', "needs .*leg.* tables"),
        (
            'strategy = "custom"\nlots = 1\nwidth = 3\n' + CUSTOM.split("\n\n", 1)[1],
            "width belong to a named",
        ),
        (CUSTOM.replace('"SELL"', '"SEL"'), "line 10: leg.2.side: .*'BUY' or 'SELL'"),
        (CUSTOM.replace("offset = 250", "strike = 24000.123"), "line 12: leg.2.strike: .*2 decimal"),
        (CUSTOM.replace("offset = 250", ""), "line 9: leg.2: .*exactly one way"),
    ],
)
def test_errors_name_the_line_and_the_key(text: str, words: str) -> None:
    with pytest.raises(GroupFileError, match=words):
        parse_group(text, "group.toml")


def test_every_error_is_told_in_the_order_of_the_file() -> None:
    text = 'strategy = "straddle"\nlots = 0\nproduct = "CNC"\n[stop]\nloss = -1\n'
    with pytest.raises(GroupFileError) as caught:
        parse_group(text, "group.toml")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "group.toml, line 2",
        "group.toml, line 3",
        "group.toml, line 5",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('strategy = "straddle"\nunits = 100', "100 units are no whole lots of 65; give 65 or 130"),
        ('strategy = "straddle"\nunits = 10', "no whole lots of 65; give 65$"),
        (CUSTOM.replace("24000", "24012"), "leg 1: .*nearest are 23950, 24000, 24050, 24100"),
        ('strategy = "straddle"\nlots = 1\nexit_at = 11:00:00', "has passed already"),
        ('strategy = "straddle"\nlots = 1\nexit_at = 23:00:00', "the market is open from 09:15:00 to"),
        ('strategy = "straddle"\nlots = 1\nexit_at = 2026-08-16T12:00:00', "is closed on that day"),
        ('strategy = "straddle"\nlots = 1\nexpiry = 2026-08-19', "expiries are 2026-08-18"),
    ],
)
def test_what_the_market_does_not_have_is_said_with_what_it_has(text: str, words: str) -> None:
    with pytest.raises(StrategyError, match=words):
        plan(text)


def test_units_that_make_whole_lots_are_lots() -> None:
    assert plan('strategy = "straddle"\nunits = 130').copies == 2


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"strategy = \xe9"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "group.toml"
    path.write_bytes(content)
    with pytest.raises(GroupFileError, match="UTF-8"):
        plan_from_file(path, VIEW, group_id="G", number=1, now_ns=NOON_NS, settings=ExecutionSettings())


def test_a_missing_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GroupFileError, match="cannot be read: No such file"):
        plan_from_file(
            tmp_path / "no.toml", VIEW, group_id="G", number=1, now_ns=NOON_NS, settings=ExecutionSettings()
        )
    huge = tmp_path / "huge.toml"
    huge.write_text("#" * 100_000)
    with pytest.raises(GroupFileError, match="larger than 64 KiB"):
        plan_from_file(huge, VIEW, group_id="G", number=1, now_ns=NOON_NS, settings=ExecutionSettings())


def test_lines_are_found_through_tables_and_arrays() -> None:
    assert line_of(CUSTOM, ("leg", 0, "strike")) == 7
    assert line_of(CUSTOM, ("leg", 1, "strike")) == 9
    assert line_of(CUSTOM, ("lots",)) == 2
    assert line_of(CUSTOM, ("nothing",)) is None
