from __future__ import annotations

from tests.brokers.kite.fuzzing import KiteFuzz


def test_twenty_thousand_damaged_frames_and_bodies_crash_nothing() -> None:
    fuzz = KiteFuzz(seed=20_261_121)
    fuzz.run(20_000)
    assert fuzz.read_well > 1_000, "the damage is so heavy that nothing behind the first check is reached"
    assert fuzz.refused > 1_000, "the damage is so light that nothing is refused"


def test_a_seed_gives_the_same_inputs_again() -> None:
    first, second = KiteFuzz(seed=7), KiteFuzz(seed=7)
    first.run(200)
    second.run(200)
    assert (first.last, first.read_well) == (second.last, second.read_well)
