"""The underlying's seeded path and the weather around it: volatility, spreads, sizes, step by step.

Every random series has its own counter-based stream (Philox), so a longer day begins as a shorter one does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.market.scripted import MarketEvent, PriceGap, SizeShock, SpreadShock, VolShock

FloatArray = NDArray[np.float64]
SECONDS_PER_YEAR = 252 * 6.25 * 3_600
"""Trading seconds of a year: 252 sessions of six and a quarter hours."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What the path is drawn with. Rates are per trading hour, volatilities 1.0 for 100 % a year."""

    vol: float = 0.13
    jumps_per_hour: float = 2.0
    jump_size: float = 0.0008
    """Standard deviation of a jump, as a share of the price."""
    night_size: float = 0.004
    """Standard deviation of the gap between two sessions."""
    vol_of_vol: float = 0.25
    """Of the level of volatility, an hour."""
    vol_half_life_s: float = 1_800.0
    jump_widens: float = 400.0
    """How much a jump of 100 % would add to every spread's multiplier; it halves every ten seconds."""
    calm_half_life_s: float = 10.0


CALM_WEATHER = Weather()


@dataclass(frozen=True, slots=True)
class Paths:
    """One value for each step: forward in paise, multipliers of volatility, spread and size."""

    forward: FloatArray
    vol: FloatArray
    spread: FloatArray
    size: FloatArray


@lru_cache(maxsize=2)
def draw_paths(
    seed: int, start_paise: int, step_s: float, session_steps: tuple[int, ...], weather: Weather
) -> Paths:
    """The unscripted paths over sessions of so many steps each, read only: who asks again shares them."""
    n = sum(session_steps)
    shocks = _stream(seed, 1).standard_normal(n)
    happens = _stream(seed, 2).random(n) < weather.jumps_per_hour * step_s / 3_600
    jumps = np.where(happens, _stream(seed, 3).standard_normal(n) * weather.jump_size, 0.0)
    returns = shocks * (weather.vol * math.sqrt(step_s / SECONDS_PER_YEAR)) + jumps
    nights = np.cumsum(session_steps)[:-1]
    if len(nights):
        returns[nights] += _stream(seed, 4).standard_normal(len(nights)) * weather.night_size
    returns[0] = 0.0
    forward = start_paise * np.exp(np.cumsum(returns))
    keep = 0.5 ** (step_s / weather.vol_half_life_s)
    noise = _stream(seed, 5).standard_normal(n) * weather.vol_of_vol * math.sqrt(step_s / 3_600)
    level = _fading(keep, noise + 30.0 * np.abs(jumps))
    fade = 0.5 ** (step_s / weather.calm_half_life_s)
    widening = _fading(fade, weather.jump_widens * np.abs(jumps))
    paths = Paths(forward, np.exp(np.clip(level, -1.0, 1.5)), 1.0 + widening, np.ones(n))
    for values in (paths.forward, paths.vol, paths.spread, paths.size):
        values.flags.writeable = False
    return paths


def _fading(keep: float, pushes: FloatArray) -> FloatArray:
    """A level that every step keeps this share of, and adds a push to."""
    level = 0.0
    return np.array([level := level * keep + push for push in pushes.tolist()])


def script(paths: Paths, events: Iterable[MarketEvent], steps_at: StepsAt) -> Paths:
    """The paths with a scenario's gaps and shocks worked in."""
    forward, vol = paths.forward.copy(), paths.vol.copy()
    spread, size = paths.spread.copy(), paths.size.copy()
    for event in events:
        match event:
            case PriceGap():
                forward[steps_at(event.at_s, None)] *= 1 + event.percent / 100
            case VolShock():
                vol[steps_at(event.at_s, event.for_s)] *= 1 + event.relative
            case SpreadShock():
                spread[steps_at(event.at_s, event.for_s)] *= event.multiplier
            case SizeShock() if not event.symbols:
                size[steps_at(event.at_s, event.for_s)] *= event.multiplier
            case _:
                pass
    return Paths(forward, vol, spread, size)


class StepsAt:
    """Which steps lie within a stretch of market time, given when each step happens (seconds from start)."""

    def __init__(self, offsets_s: FloatArray) -> None:
        self._offsets_s = offsets_s

    def __call__(self, at_s: float, for_s: float | None) -> slice:
        """The steps from ``at_s``, for ``for_s`` seconds or to the end."""
        first = int(np.searchsorted(self._offsets_s, at_s))
        if for_s is None:
            return slice(first, None)
        return slice(first, int(np.searchsorted(self._offsets_s, at_s + for_s)))


def _stream(seed: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed & (2**64 - 1), purpose], dtype=np.uint64)))
