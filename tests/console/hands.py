"""A console whose clock and keys are in a test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from textual import events
from textual.pilot import Pilot

from console.app import HedgerowApp
from console.demo import DemoService, busy_snapshot
from console.options import ConsoleOptions
from console.preview import legging_groups
from console.widgets.line import plain
from core.domain.inputs import OperatorCommand
from core.domain.lifecycle import ExecutionLifecycle
from core.engine.snapshot import Snapshot

MS = 1_000_000
SIZE = (160, 50)


def settled_snapshot(mode: str = "PAPER") -> Snapshot:
    """The busy session, but that no group is legging: nothing has to wait."""
    busy = busy_snapshot(mode)
    groups = {
        name: replace(group, state=ExecutionLifecycle.OPEN) if group in legging_groups(busy) else group
        for name, group in busy.account.groups.items()
    }
    return replace(busy, version=busy.version + 1, account=replace(busy.account, groups=groups))


@dataclass
class HandClock:
    """Monotonic time that moves when a test says so; each key comes ``between_keys_ms`` after the last."""

    at_ns: int = 1_000_000 * MS
    between_keys_ms: int = 120
    held_back_ms: int = 0
    """How long a key waits between being pressed and being handled."""

    def now_ns(self) -> int:
        """The time."""
        return self.at_ns

    def key_ns(self, event: events.Key) -> int:
        """When the key was pressed."""
        self.at_ns += self.between_keys_ms * MS
        return self.at_ns - self.held_back_ms * MS


@dataclass
class Hands:
    """What a test holds: the app, its core, its clock, and the pilot."""

    app: HedgerowApp
    service: DemoService
    clock: HandClock
    pilot: Pilot[Any] = field(repr=False)

    async def press(self, *keys: str) -> None:
        """Press keys, each handled before the next."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*["space" if letter == " " else letter for letter in text])

    async def wait(self, ms: int) -> None:
        """Let time pass, and the console notice it."""
        self.clock.at_ns += ms * MS
        self.app._tick()
        await self.pilot.pause()

    async def publish(self, snapshot: Snapshot) -> None:
        """The core publishes."""
        self.service.current = snapshot
        self.app.repaint_all()
        await self.pilot.pause()

    @property
    def commands(self) -> list[OperatorCommand]:
        """What the core was told."""
        return self.service.commands

    def opened(self) -> object:
        """What lies over the screen, if anything does."""
        return self.app.main.open

    def typed_legs(self) -> tuple[str, ...]:
        """The legs as the ticket asks for them."""
        return self.app.main.ticket.request.legs

    def text(self, panel: str) -> str:
        """Everything a part of the screen says."""
        return "\n".join(plain(each) for each in self.app.main.query_one(f"#{panel}").lines)  # type: ignore[attr-defined]


def options(clock: HandClock, **chosen: Any) -> ConsoleOptions:
    """Options that depend on nothing outside the test."""
    given: dict[str, Any] = {
        "by": "trader @ desk-2",
        "theme_folders": (),
        "keys_file": None,
        "no_colour": False,
        "clock_ns": clock.now_ns,
        "key_ns": clock.key_ns,
        "live_updates": False,
        **chosen,
    }
    return ConsoleOptions(**given)


def console(snapshot: Snapshot | None = None, **chosen: Any) -> tuple[HedgerowApp, DemoService, HandClock]:
    """A console over a core that gives out this snapshot."""
    clock = HandClock()
    service = DemoService(snapshot or busy_snapshot())
    return HedgerowApp(service, options(clock, **chosen)), service, clock


@asynccontextmanager
async def hands_on(
    snapshot: Snapshot | None = None, size: tuple[int, int] = SIZE, **chosen: Any
) -> AsyncIterator[Hands]:
    """A running console in a test's hands."""
    app, service, clock = console(snapshot, **chosen)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Hands(app, service, clock, pilot)
