"""How states, numbers and causes are said and shown: tables that a person can read.

Signs come from ``Glyphs`` by name, tones from the theme by name, so a state differs in sign, word and colour.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.glyphs import Glyphs
from core.domain.account import Severity
from core.domain.groups import GroupPlan, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import MEANING, ExecutionLifecycle
from core.domain.money import grouped
from core.engine.snapshot import NextMove, Snapshot


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a lifecycle state looks. ``rank`` orders the groups: the lowest is the worst."""

    sign: str
    tone: str
    rank: int
    word: str
    short: str = ""
    """The word where there is little room; the same if empty."""


_S = ExecutionLifecycle

LOOK: dict[ExecutionLifecycle, StateLook] = {
    _S.MANUAL: StateLook("breach", "breach", 0, "MANUAL"),
    _S.HEDGING: StateLook("warn", "breach", 1, "HEDGING"),
    _S.PARTIALLY_EXPOSED: StateLook("warn", "warn", 2, "PARTIALLY EXPOSED", "PART EXPOSED"),
    _S.UNWINDING: StateLook("down", "warn", 3, "UNWINDING"),
    _S.EXITING: StateLook("clock", "info", 4, "EXITING"),
    _S.PLACING: StateLook("working", "info", 5, "PLACING"),
    _S.VALIDATING: StateLook("working", "muted", 6, "VALIDATING"),
    _S.PLANNED: StateLook("working", "muted", 7, "PLANNED"),
    _S.OPEN: StateLook("ok", "ok", 8, "OPEN"),
    _S.REJECTED: StateLook("ended", "muted", 9, "REJECTED"),
    _S.CLOSED: StateLook("ended", "muted", 10, "CLOSED"),
}

SEVERITY_SIGN = {Severity.CRITICAL: "breach", Severity.WARNING: "warn", Severity.INFO: "info"}
SEVERITY_TONE = {Severity.CRITICAL: "breach", Severity.WARNING: "warn", Severity.INFO: "info"}
SEVERITY_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


def sign(glyphs: Glyphs, name: str) -> str:
    """The sign of that name in the set."""
    return str(getattr(glyphs, name))


def signed(value: float, glyphs: Glyphs, digits: int = 1) -> str:
    """``+18.4`` or ``−4.1``; a value that rounds to nothing is ``0``."""
    text = f"{abs(value):,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        return "0"
    return ("+" if value > 0 else glyphs.minus) + text


def percent(share: float, glyphs: Glyphs) -> str:
    """A share with a sign: ``+3.8 %``."""
    return f"{signed(100 * share, glyphs)} %"


def signed_rupees(paise: int, glyphs: Glyphs, *, symbol: bool = False) -> str:
    """Whole rupees with a sign and Indian grouping: ``+3,180``, or ``+₹ 18,420`` with the symbol."""
    whole = (abs(paise) + 50) // 100
    lead = "" if whole == 0 else ("+" if paise > 0 else glyphs.minus)
    return f"{lead}{glyphs.rupee + ' ' if symbol else ''}{grouped(whole)}"


def rupees(paise: int, glyphs: Glyphs) -> str:
    """Whole rupees: ``₹ 41,200``."""
    whole = (abs(paise) + 50) // 100
    return f"{glyphs.minus if paise < 0 and whole else ''}{glyphs.rupee} {grouped(whole)}"


def money_tone(paise: int) -> str:
    """The tone of a gain or a loss."""
    return "ok" if paise > 0 else "breach" if paise < 0 else "muted"


def span(milliseconds: float) -> str:
    """A span in few cells: ``412 ms``, ``9.4 s``, ``3m05``, ``2h07``."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1_000:.1f} s"
    minutes, seconds = divmod(int(milliseconds // 1_000), 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02d}"
    return f"{minutes // 60}h{minutes % 60:02d}"


def figure(value: float | None) -> str:
    """Milliseconds of a distribution, or a dash where nothing was measured."""
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


STRATEGY_WORDS = {"butterfly": "fly", "spread": ""}
"""Words of a strategy's name that a trader leaves out or says shorter."""


SHORT_NAMES = {
    "iron condor": "condor",
    "long straddle": "lng strad",
    "long strangle": "lng stran",
}
"""Strategies whose names do not fit into nine cells."""


def strategy_short(plan: GroupPlan) -> str:
    """The name in at most nine cells, for the strategies of the catalogue: ``condor``, ``bear call``."""
    name = strategy_name(plan)
    return SHORT_NAMES.get(name, name)


def strategy_name(plan: GroupPlan) -> str:
    """``iron condor``, ``bull put``, ``iron fly``."""
    words = [STRATEGY_WORDS.get(word, word) for word in plan.strategy.split("_")]
    return " ".join(word for word in words if word)


def strategy_words(plan: GroupPlan, glyphs: Glyphs) -> str:
    """The strategy and the strikes that name it: those sold where there are more than two."""
    strikes = {leg.contract.strike_paise for leg in plan.legs if leg.contract.right is not None}
    sold = {
        leg.contract.strike_paise
        for leg in plan.legs
        if leg.contract.right is not None and leg.side is Side.SELL
    }
    named = sold if len(strikes) > 2 and sold else strikes
    text = "/".join(f"{strike / 100:g}" for strike in sorted(named))
    if len(sold) == 1 and len(strikes) == 3:
        wing = (max(strikes) - min(strikes)) / 200
        text = f"{text} {glyphs.plus_minus}{wing:g}"
    return f"{strategy_name(plan)} {text}".strip()


def move_of(snapshot: Snapshot, group: MultiLegOrderGroup) -> NextMove:
    """What the group does next; where the core has not said, what its state means."""
    move = snapshot.moves.get(group.group_id)
    if move is not None:
        return move
    needs_you = group.state is ExecutionLifecycle.MANUAL and not group.handled
    return NextMove(group.reason or MEANING[group.state], needs_you, "r" if needs_you else "")


def unhedged_now_ms(group: MultiLegOrderGroup, now_ns: int) -> int:
    """How long the group has been outside its limits without a break; 0 inside them."""
    since = group.unhedged.since_ns
    return max(0, now_ns - since) // 1_000_000 if since else 0


def worst_first(snapshot: Snapshot) -> tuple[str, ...]:
    """Group ids: those that need a person, then uncovered, then unhedged, then by state, newest first."""

    def badness(group: MultiLegOrderGroup) -> tuple[bool, int, bool, int, int]:
        exposure = snapshot.exposures.get(group.group_id)
        return (
            not move_of(snapshot, group).needs_you,
            -(exposure.uncovered_units if exposure else 0),
            not group.unhedged.since_ns,
            LOOK[group.state].rank,
            -group.plan.number,
        )

    return tuple(group.group_id for group in sorted(snapshot.account.groups.values(), key=badness))


def listed(names: list[str]) -> str:
    """``G-013``, ``G-013 and G-012``, ``G-013, G-012 and 4 more``."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
