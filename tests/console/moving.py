"""A core for tests of the screen: it publishes a new snapshot whenever it is told to step, and trades
nothing.
"""

from __future__ import annotations

from dataclasses import replace

from console.demo import EXPOSURES, DemoService, busy_snapshot, demo_groups
from core.domain.groups import MultiLegOrderGroup
from core.engine.snapshot import DeltaPoint, Exposure, LogLine, NextMove

STEP_NS = 100_000_000


def many_groups(count: int) -> dict[str, MultiLegOrderGroup]:
    """So many groups, in the states of the demo in turn."""
    patterns = demo_groups()
    groups = {}
    for number in range(1, count + 1):
        pattern = patterns[number % len(patterns)]
        name = f"G-{number:03d}"
        groups[name] = replace(pattern, plan=replace(pattern.plan, group_id=name, number=number))
    return groups


class MovingService(DemoService):
    """Every step moves market time by 100 ms, every group's exposure, and one leg in ten groups."""

    def __init__(self, groups: int = 10) -> None:
        busy = busy_snapshot()
        made = many_groups(groups)
        account = replace(busy.account, groups=made)
        shapes = list(EXPOSURES.values())
        self._shapes = {name: shapes[place % len(shapes)] for place, name in enumerate(made)}
        super().__init__(
            replace(
                busy,
                account=account,
                exposures=dict(self._shapes),
                moves={name: NextMove("works by itself") for name in made},
            )
        )

    def step(self) -> None:
        """Publish what follows."""
        now = self.current
        version = now.version + 1
        at_ns = now.at_ns + STEP_NS
        wave = (version * 37 % 101) / 10
        groups = dict(now.account.groups)
        for place, (name, group) in enumerate(groups.items()):
            if (place + version) % 10 == 0:
                leg = replace(group.legs[0], bought_units=group.legs[0].bought_units ^ 65)
                groups[name] = replace(group, legs=(leg, *group.legs[1:]))
        exposures: dict[str, Exposure] = {
            name: replace(
                shape, delta_units=shape.delta_units + wave, pnl_paise=shape.pnl_paise + version * 100
            )
            for name, shape in self._shapes.items()
        }
        line = LogLine(version, at_ns, "policy", "G-001", f"re-price child {version}: within slippage")
        point = DeltaPoint(at_ns, 18 + wave, wave > 8)
        self.current = replace(
            now,
            version=version,
            at_ns=at_ns,
            account=replace(now.account, seq=now.account.seq + 3, groups=groups),
            exposures=exposures,
            total=replace(now.total, delta_units=18 + wave),
            log=(*now.log[-199:], line),
            delta_history=(*now.delta_history[-600:], point),
        )
