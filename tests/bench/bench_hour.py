"""An hour of trading at twenty times its pace, console open: whether its memory stays flat.

Run with ``python -m tests.bench.bench_hour``. Every five minutes two groups come and go. The resident memory
of the process is read from ``/proc`` every two seconds and told for each sixth of the hour, with what the
loop made of it. Takes about three minutes.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from statistics import mean

from tests.console.terminal import Terminal

SPEED = 20
HOUR_S = 3_600
_STRATEGIES = (
    "iron_condor",
    "bull_put_spread",
    "strangle",
    "bear_call_spread",
    "iron_butterfly",
    "long_straddle",
)


def scenario() -> str:
    """An hour in which groups are entered, held and taken off, one after another."""
    words = ['name = "hour"', 'about = "Groups come and go for an hour."', f'length = "{HOUR_S} s"']
    words += ["funds_rupees = 100000000"]
    for number in range(HOUR_S // 150):
        at_s = 5 + number * 150
        words += [
            "[[group]]",
            f'strategy = "{_STRATEGIES[number % len(_STRATEGIES)]}"',
            "lots = 10",
            "allow_naked = true",
            f'at = "{at_s} s"',
            'good_for = "60 s"',
            f'exit_at = "{min(at_s + 200, HOUR_S - 60)} s"',
        ]
    return "\n".join(words) + "\n"


def resident_mb(pid: int) -> float:
    """The memory that a process has resident."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Play the hour and tell what it took."""
    with tempfile.TemporaryDirectory() as folder:
        story, report = Path(folder) / "hour.toml", Path(folder) / "report.json"
        story.write_text(scenario(), encoding="utf-8")
        words = ("rehearse", "--scenario", str(story), "--speed", str(SPEED), "--report", str(report))
        terminal = Terminal(report, "console.cli", *words, "--exit-when-done")
        samples: list[float] = []
        while terminal.child.poll() is None:
            samples.append(resident_mb(terminal.child.pid))
            del terminal.text[:-10_000]
            time.sleep(2)
        told = json.loads(report.read_text(encoding="utf-8"))
        terminal.end()
    samples = [each for each in samples if each]
    sixth = max(1, len(samples) // 6)
    parts = [round(mean(samples[at : at + sixth]), 1) for at in range(0, sixth * 6, sixth)]
    print(f"resident MB, a sixth of the hour each: {parts}")
    print(
        f"verdict {told['verdict']}, {told['simulated_s']:.0f} market seconds, {told['wall_s']:.0f} s of wall"
    )
    print(f"loop lag ms: {told['metrics']['loop_lag_ms']}, {told['metrics']['orders_sent']} orders")


if __name__ == "__main__":
    main()
