"""The monitor's arithmetic against the scalar formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.domain.instruments import Right
from core.risk import pricing
from core.risk.exposure_math import leg_exposures


def test_every_leg_agrees_with_the_scalar_formulas() -> None:
    rng = np.random.default_rng(7)
    count = 200
    strikes = rng.integers(470, 520, count) * 5_000.0
    years = rng.uniform(1e-4, 0.2, count)
    vols = rng.uniform(0.05, 0.6, count)
    signs = rng.choice([-1, 1], count)
    units = rng.integers(-20, 20, count) * 65
    forward = 24_570_00.0
    ours = leg_exposures(np.full(count, forward), strikes, years, vols, signs, units)
    assert ours.priced.all()
    for at in range(count):
        right = Right.CE if signs[at] > 0 else Right.PE
        inputs = float(strikes[at]), float(years[at]), float(vols[at])
        now, down, up = (
            pricing.price(level, *inputs, right) for level in (forward, forward * 0.97, forward * 1.03)
        )
        delta = pricing.delta(forward, *inputs, right)
        assert isinstance(now, float)
        assert isinstance(down, float)
        assert isinstance(up, float)
        assert isinstance(delta, float)
        assert ours.delta_units[at] == pytest.approx(units[at] * delta, abs=1e-6)
        assert ours.value_paise[at] == pytest.approx(units[at] * now, abs=0.01)
        assert ours.change_down_paise[at] == pytest.approx(units[at] * (down - now), abs=0.01)
        assert ours.change_up_paise[at] == pytest.approx(units[at] * (up - now), abs=0.01)


def test_totals_are_taken_over_a_groups_slice() -> None:
    ours = leg_exposures(
        [24_500_00.0] * 3, [24_500_00.0] * 3, [0.01] * 3, [0.1] * 3, [1, 1, -1], [65, -65, 65]
    )
    assert ours.totals(0, 2) == (0.0, 0.0, 0.0, 0.0)
    assert ours.totals(2)[0] == pytest.approx(float(ours.delta_units[2]))


def test_a_future_moves_one_for_one() -> None:
    ours = leg_exposures([24_500_00.0], [0.0], [0.1], [0.0], [0], [-65])
    assert ours.priced.all()
    assert ours.delta_units[0] == -65
    assert ours.change_up_paise[0] == pytest.approx(-65 * 24_500_00 * 0.03)


def test_at_and_after_expiry_an_option_is_intrinsic() -> None:
    ours = leg_exposures(
        [24_600_00.0, 24_400_00.0], [24_500_00.0] * 2, [0.0, -0.1], [0.1, 0.0], [1, 1], [65, 65]
    )
    assert ours.priced.all()
    assert list(ours.delta_units) == [65.0, 0.0]
    assert list(ours.value_paise) == [65 * 100_00, 0.0]


@pytest.mark.parametrize(
    ("forward", "strike", "years", "vol"),
    [
        (math.nan, 24_500_00.0, 0.1, 0.1),
        (-1.0, 24_500_00.0, 0.1, 0.1),
        (24_500_00.0, 0.0, 0.1, 0.1),
        (24_500_00.0, 24_500_00.0, math.nan, 0.1),
        (24_500_00.0, 24_500_00.0, 0.1, math.nan),
        (24_500_00.0, 24_500_00.0, 0.1, 0.0),
        (24_500_00.0, 24_500_00.0, 0.1, math.inf),
    ],
)
def test_what_cannot_be_priced_is_marked_and_spoils_nothing_else(
    forward: float, strike: float, years: float, vol: float
) -> None:
    ours = leg_exposures(
        [forward, 24_500_00.0], [strike, 24_500_00.0], [years, 0.1], [vol, 0.1], [1, 1], [65, 65]
    )
    assert list(ours.priced) == [False, True]
    assert ours.delta_units[0] == 0.0
    assert math.isfinite(ours.totals()[1])


def test_no_legs_are_no_exposure() -> None:
    assert leg_exposures([], [], [], [], [], []).totals() == (0.0, 0.0, 0.0, 0.0)


def test_a_leg_counts_the_same_whatever_stands_beside_it() -> None:
    """Ordinary legs alone are not looked at one by one; beside an odd one they are."""
    alone = leg_exposures([24_500_00.0], [24_600_00.0], [0.1], [0.13], [1], [65])
    beside_nonsense = leg_exposures(
        [24_500_00.0, math.nan], [24_600_00.0, 1.0], [0.1] * 2, [0.13, 0.1], [1, 1], [65, 65]
    )
    beside_a_future = leg_exposures(
        [24_500_00.0] * 2, [24_600_00.0, 0.0], [0.1] * 2, [0.13, 0.0], [1, 0], [65, -65]
    )
    assert alone.priced.all()
    assert alone.totals() == beside_nonsense.totals(0, 1) == beside_a_future.totals(0, 1)
