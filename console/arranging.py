"""Which groups and log lines are shown, and in what order: a filter and a sorting, over what the core says.

A filter is words: each must occur, in any case; ``!word`` must not. It hides rows, never a sentence that asks
for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.glyphs import ASCII
from console.wording import LOOK, strategy_words, unhedged_now_ms
from core.domain.groups import MultiLegOrderGroup
from core.engine.snapshot import Exposure, LogLine, Snapshot

WORST = "worst first"
NOTHING = Exposure()

_Key = Callable[[MultiLegOrderGroup, Exposure, int], float]

SORTS: dict[str, _Key | None] = {
    WORST: None,
    "newest first": lambda group, exposure, now_ns: -group.plan.number,
    "largest delta first": lambda group, exposure, now_ns: -abs(exposure.delta_units),
    "longest unhedged first": lambda group, exposure, now_ns: -unhedged_now_ms(group, now_ns),
    "largest loss first": lambda group, exposure, now_ns: exposure.pnl_paise,
}
"""The sortings by the words that name them; ``None`` is the core's own order."""


def next_sort(name: str) -> str:
    """The sorting after this one."""
    names = list(SORTS)
    return names[(names.index(name) + 1) % len(names)]


def arranged(snapshot: Snapshot, order: Sequence[str], wanted: str, sort: str) -> tuple[str, ...]:
    """The ids of the groups to show, in order; what has ended stays behind what has not."""
    groups = snapshot.account.groups
    shown = [name for name in order if matches(group_words(groups[name]), wanted)] if wanted else list(order)
    key = SORTS[sort]
    if key is not None:
        shown.sort(
            key=lambda name: (
                groups[name].is_over,
                key(groups[name], snapshot.exposures.get(name, NOTHING), snapshot.at_ns),
            )
        )
    return tuple(shown)


def matches(text: str, wanted: str) -> bool:
    """Whether a text has every word of the filter and none of those with an exclamation mark."""
    low = text.casefold()
    for word in wanted.casefold().split():
        if word.startswith("!"):
            if word[1:] and word[1:] in low:
                return False
        elif word not in low:
            return False
    return True


def group_words(group: MultiLegOrderGroup) -> str:
    """Everything that a filter can find a group by."""
    cause = group.cause.value if group.cause else ""
    look = LOOK[group.state]
    named = strategy_words(group.plan, ASCII)
    return f"{group.group_id} {group.plan.underlying} {named} {look.word} {cause} {group.reason}"


def line_words(each: LogLine) -> str:
    """Everything that a filter can find a log line by."""
    return f"{each.channel} {each.group_id} {each.text} {each.tone}"
