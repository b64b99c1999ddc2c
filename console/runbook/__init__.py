"""The runbook: a page for every alert, every state and every cause of MANUAL, as Markdown beside this file.

Written for somebody woken at night. Every page has the same five headings, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from core.domain.groups import MultiLegOrderGroup
from core.domain.lifecycle import ExecutionLifecycle
from core.engine.snapshot import Snapshot

HEADINGS = (
    "What happened",
    "What it means for the position",
    "What the core is doing",
    "What to check",
    "What to press",
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its file's name without the ending, its title, and the Markdown after the title."""

    name: str
    title: str
    text: str


@cache
def pages() -> Mapping[str, Page]:
    """Every page by its name: states first, then causes, then alerts."""
    found: dict[str, Page] = {}
    for entry in files("console.runbook").iterdir():
        if entry.name.endswith(".md"):
            first, _, rest = entry.read_text(encoding="utf-8").partition("\n")
            name = entry.name.removesuffix(".md")
            found[name] = Page(name, first.removeprefix("# ").strip(), rest.strip("\n"))
    rank = {"state": 0, "cause": 1, "alert": 2}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0].partition("-")[0], 3), item[0])))


def pages_of_group(group: MultiLegOrderGroup) -> list[str]:
    """The pages about a group as it stands, the most telling first."""
    names = []
    if group.state is ExecutionLifecycle.MANUAL and group.cause is not None:
        names.append(f"cause-{group.cause.value}")
    return [*names, f"state-{group.state.value}"]


def pages_for(snapshot: Snapshot, group_id: str, alert_id: str = "") -> list[str]:
    """The pages about what is selected: the alert where one is, the group, then everything that stands."""
    alerts = snapshot.account.alerts
    standing = [alert for alert in alerts.values() if not alert.cleared]
    names = [f"alert-{alerts[alert_id].runbook}"] if alert_id in alerts else []
    group = snapshot.account.groups.get(group_id)
    if group is not None:
        names += pages_of_group(group)
    standing.sort(key=lambda alert: (alert.group_id != group_id, alert.acknowledged, -alert.last_ns))
    names += [f"alert-{alert.runbook}" for alert in standing]
    known = pages()
    return [name for name in dict.fromkeys(names) if name in known]
