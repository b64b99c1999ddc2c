"""How long nobody starts a core again that has died: a moment, or until the next morning."""

from __future__ import annotations

from core.domain.timing import NS_PER_S
from core.rehearsal.faults.engine import FaultEngine
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.preparation import Prepared

_SHORTEST_NS, _LONGEST_NS = NS_PER_S // 10, 3 * NS_PER_S
_OVERNIGHT_SHARE = 0.35
"""Of the deaths before a night, how many are followed by a start on the next morning only."""
_OVERNIGHT_SALT = 11


def begins_again_ns(faults: FaultEngine, prepared: Prepared, death: int, now_ns: int) -> int:
    """When the core is started after its n-th death."""
    downtime_ns = faults.between(FaultKind.CRASH, death, _SHORTEST_NS, _LONGEST_NS)
    return max(now_ns, _next_morning_ns(faults, prepared, death, now_ns)) + downtime_ns


def _next_morning_ns(faults: FaultEngine, prepared: Prepared, death: int, now_ns: int) -> int:
    """When the next session opens, where nobody starts the core again before; else 0.

    Only a scenario with a night has such deaths: what the trader does in the meantime no core has seen.
    """
    today = prepared.calendar.session_at(now_ns)
    first = prepared.calendar.session_at(prepared.start_ns)
    if prepared.asked.scenario.night_at is None or today is None or today != first:
        return 0
    if faults.share(FaultKind.CRASH, death, salt=_OVERNIGHT_SALT) >= _OVERNIGHT_SHARE:
        return 0
    return prepared.calendar.next_session(today.closes_ns).opens_ns
