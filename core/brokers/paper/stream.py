"""The paper broker's order stream: frames that travel for a while and arrive, by default, in order."""

from __future__ import annotations

from collections import deque
from functools import partial

from core.brokers.paper.config import Latencies
from core.brokers.paper.draws import Draws, Purpose
from core.brokers.paper.faults import Faults
from core.brokers.port import (
    StreamBeat,
    StreamDown,
    StreamFrame,
    StreamListener,
    StreamUp,
)
from core.domain.timing import Clock


class PaperStream:
    """One connection at a time. Nothing is replayed: a frame for a connection that is gone is lost."""

    def __init__(self, clock: Clock, latencies: Latencies, draws: Draws, faults: Faults) -> None:
        self._clock = clock
        self._latencies = latencies
        self._draws = draws
        self.faults = faults
        self._listener: StreamListener | None = None
        self._connection = 0
        """Counts connections: what was sent on an earlier one never arrives."""
        self._is_up = False
        self._in_turn: deque[tuple[int, StreamFrame]] = deque()
        self._last_ns = 0
        self._sent = 0

    def connect(self, listener: StreamListener) -> None:
        """Connect a listener in place of any other; it hears ``StreamUp`` first, and then a regular beat."""
        self.disconnect()
        self._listener = listener
        self.restore()

    def disconnect(self) -> None:
        """Forget the listener and everything on its way, as when the process behind it dies."""
        self._listener = None
        self._is_up = False
        self._connection += 1
        self._in_turn.clear()

    def drop(self, reason: str) -> None:
        """Lose the connection: the listener hears ``StreamDown`` now, and nothing until ``restore``."""
        if not self._is_up or self._listener is None:
            return
        self._is_up = False
        self._connection += 1
        self._in_turn.clear()
        self._listener(StreamDown(reason))

    def restore(self) -> None:
        """Connect the same listener again."""
        if self._is_up or self._listener is None:
            return
        self._is_up = True
        self._connection += 1
        self._in_turn.clear()
        self._last_ns = 0
        self._schedule(StreamUp(), 0)
        connection = self._connection
        self._clock.call_at(
            self._clock.now_ns() + self._latencies.beat_every_ns, partial(self._beat, connection)
        )

    def publish(self, frame: StreamFrame) -> None:
        """Send a frame to whoever is connected."""
        if not self._is_up:
            return
        n = self._sent
        self._sent += 1
        for late_ns in self.faults.on_frame(n, frame, self._clock.now_ns()):
            self._schedule(frame, late_ns)

    def _schedule(self, frame: StreamFrame, late_ns: int) -> None:
        arrives_ns = self._clock.now_ns() + self._draws.within(
            Purpose.FRAME_LATENCY, self._sent, self._latencies.frame
        )
        if late_ns > 0:
            self._clock.call_at(arrives_ns + late_ns, partial(self._deliver, self._connection, frame))
            return
        arrives_ns = self._last_ns = max(arrives_ns, self._last_ns)
        self._in_turn.append((self._connection, frame))
        self._clock.call_at(arrives_ns, partial(self._deliver_next, self._connection))

    def _deliver_next(self, connection: int) -> None:
        """The head of the queue: in order even where a clock runs equal times in any order."""
        if connection == self._connection and self._in_turn:
            self._deliver(*self._in_turn.popleft())

    def _deliver(self, connection: int, frame: StreamFrame) -> None:
        if connection == self._connection and self._listener is not None:
            self._listener(frame)

    def _beat(self, connection: int) -> None:
        if connection != self._connection:
            return
        self.publish(StreamBeat())
        self._clock.call_at(
            self._clock.now_ns() + self._latencies.beat_every_ns, partial(self._beat, connection)
        )
