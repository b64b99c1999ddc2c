"""What is wrong with a scenario as a whole: keys that are sound alone and make no sense together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from core.domain.inputs import OperatorAction
from core.domain.tags import group_id_for
from core.rehearsal.faults.kinds import LASTING
from core.rehearsal.scenario import MarketTable, OperatorTable, Scenario, ScenarioError
from core.strategies.catalogue import strategy_named
from core.strategies.errors import StrategyError

OPENS, CLOSES = time(9, 15), time(15, 30)
NIGHT_AT_MOST_MS = 119 * 60_000
"""How long the evening session of a scenario with a night is."""

_A = OperatorAction
_OF_A_GROUP = frozenset({_A.EXIT, _A.FLATTEN, _A.HEDGE, _A.COMPLETE, _A.SCALE_DOWN, _A.UNWIND, _A.HANDLED})
_OF_ALL = frozenset({_A.FLATTEN_ALL, _A.KILL, _A.RESET_KILL})
_WANTS: dict[str, frozenset[str]] = {
    "gap": frozenset({"percent"}),
    "vol": frozenset({"relative"}),
    "spread": frozenset({"multiplier"}),
    "thin": frozenset({"multiplier"}),
    "no-liquidity": frozenset({"legs"}),
    "circuit-lock": frozenset({"legs"}),
    "silence": frozenset(),
}
"""The keys without which a kind of market event does nothing."""
_MAY: dict[str, frozenset[str]] = {
    "gap": frozenset(),
    "vol": frozenset({"lasts"}),
    "spread": frozenset({"lasts"}),
    "thin": frozenset({"lasts", "legs"}),
    "no-liquidity": frozenset({"lasts"}),
    "circuit-lock": frozenset({"lasts", "side"}),
    "silence": frozenset({"lasts"}),
}

_Wrong = Iterator[tuple[tuple[str | int, ...], str]]
"""Keys and what is wrong with them."""


def require_sense(scenario: Scenario) -> None:
    """Raise ``ScenarioError`` with a line for everything that makes no sense."""
    checks = (_times, _groups, _market, _faults, _people, _expectations)
    found = [scenario.place(*where) + what for check in checks for where, what in check(scenario)]
    if found:
        raise ScenarioError("\n".join(found))


def _times(scenario: Scenario) -> _Wrong:
    latency = scenario.latency
    if latency.low > latency.high:
        key = "low" if "low" in latency.model_fields_set else "high"
        yield (
            ("latency", key),
            f"low may be at most high, and {latency.low} ms is more than {latency.high} ms",
        )
    starts = time.fromisoformat(scenario.starts)
    if not OPENS <= starts < CLOSES:
        yield (
            ("starts",),
            f"the exchange is closed at {scenario.starts}: a time from 09:15 to 15:29 is wanted",
        )
    night_ms = scenario.night_at
    if night_ms is None:
        return
    most_ms = min(NIGHT_AT_MOST_MS, scenario.length - 1)
    if night_ms > most_ms:
        yield ("night_at",), f"at most {_text(most_ms)}: before the scenario's own end, and within 119 min"
    if "starts" in scenario.model_fields_set:
        yield ("starts",), "a scenario with night_at begins that long before midnight: leave starts out"


def _text(span_ms: int) -> str:
    return f"{span_ms / 1_000:g} s"


def _groups(scenario: Scenario) -> _Wrong:
    for number, group in enumerate(scenario.group):
        try:
            strategy_named(group.strategy)
        except StrategyError as error:
            yield ("group", number, "strategy"), str(error).removesuffix(", and 'custom' in a group file")


def _market(scenario: Scenario) -> _Wrong:
    for number, event in enumerate(scenario.market):
        given = event.model_fields_set - {"kind", "at"}
        wants, may = _WANTS[event.kind], _MAY[event.kind]
        for key in sorted(given - wants - may):
            allowed = ", ".join(sorted({"at"} | wants | may))
            yield ("market", number, key), f"means nothing for {event.kind}; allowed are {allowed}"
        for key in sorted(wants - given):
            yield ("market", number), f"{event.kind} wants the key {key}"
        yield from _legs(scenario, number, event)


def _legs(scenario: Scenario, number: int, event: MarketTable) -> _Wrong:
    """Legs are those of the first group."""
    if not event.legs:
        if "legs" in event.model_fields_set:
            yield ("market", number, "legs"), "at least one leg of the first group is wanted"
        return
    if not scenario.group:
        yield ("market", number, "legs"), "there is no group whose legs these could be"
        return
    try:
        strategy = strategy_named(scenario.group[0].strategy)
    except StrategyError:
        return
    count = len(strategy.legs)
    if max(event.legs) > count:
        yield ("market", number, "legs"), f"the first group, {strategy.name}, has the legs 1 to {count}"


def _faults(scenario: Scenario) -> _Wrong:
    for number, fault in enumerate(scenario.fault):
        if fault.each is not None and fault.kind not in LASTING:
            kinds = ", ".join(sorted(LASTING))
            yield ("fault", number, "each"), f"{fault.kind.value} does not last; these do: {kinds}"


def _people(scenario: Scenario) -> _Wrong:
    groups = [group_id_for(number) for number, _ in enumerate(scenario.group, 1)]
    for number, act in enumerate(scenario.operator):
        what = _wrong_target(act, groups)
        if what:
            key = ("target",) if "target" in act.model_fields_set else ()
            yield ("operator", number, *key), what


def _wrong_target(act: OperatorTable, groups: list[str]) -> str:
    if act.action in _OF_A_GROUP and act.target not in groups:
        return f"{act.action.value} wants a target, one of {', '.join(groups) or 'none: there is no group'}"
    if act.action in _OF_ALL and act.target not in ("", "ALL"):
        return f"{act.action.value} concerns everything: leave target out"
    if act.action not in _OF_A_GROUP | _OF_ALL and not act.target:
        return f"{act.action.value} wants a target: an alert or a position"
    return ""


def _expectations(scenario: Scenario) -> _Wrong:
    expect = scenario.expect
    if len(expect.states) > 1 and len(expect.states) != len(scenario.group):
        yield ("expect", "states"), f"one state for all groups, or {len(scenario.group)}: one for each"
    if expect.flat_before is not None and expect.flat_before > scenario.length:
        yield (
            ("expect", "flat_before"),
            f"at most the scenario's own length, {_text(scenario.length)}",
        )
