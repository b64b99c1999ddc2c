"""A whole recorded day, headless, in virtual time: how long it takes and how much memory it needs.

    python -m tests.bench.bench_day [--chain FILE] [--lots N] [--runs N]

Each run is a process of its own, started as a person starts it, so that imports count. Aims: under 15 s a day
and under 250 MB; the calm scenario, whole process, under 2.5 s; ``hedgerow --help`` under 0.5 s. On a busy
machine the processor's seconds say more than the clock's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

DAY = Path(__file__).parents[2] / ".." / "shared" / "data" / "nifty_chain_quotes_20250829.csv.gz"


def measured(*arguments: str) -> tuple[str, str]:
    """Wall and processor seconds and peak resident megabytes in words, and what the command printed."""
    with tempfile.TemporaryFile("w+") as out:
        began = perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "console.cli", *arguments], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = perf_counter() - began
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            raise SystemExit(f"hedgerow {' '.join(arguments)} ended with {status}")
        out.seek(0)
        # Linux gives kibibytes, macOS bytes.
        scale = 1 / (1 << 20) if sys.platform == "darwin" else 1 / (1 << 10)
        busy = usage.ru_utime + usage.ru_stime
        words = f"{elapsed:6.2f} s  {busy:6.2f} s of processor  {usage.ru_maxrss * scale:5.0f} MB"
        return words, out.read()


def main() -> None:
    """Print one line a run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chain", type=Path, default=DAY)
    options.add_argument("--lots", type=int, default=60)
    options.add_argument("--runs", type=int, default=3)
    asked = options.parse_args()
    for _ in range(asked.runs):
        print(f"--help          {measured('--help')[0]}")
    for _ in range(asked.runs):
        words, text = measured("rehearse", "--headless", "--json")
        print(f"calm            {words}  {verdict(text)}")
    if not asked.chain.is_file():
        raise SystemExit(f"{asked.chain} is not here: give a recorded chain with --chain")
    day = ["rehearse", "--chain", str(asked.chain), "--strategy", "iron_condor", "--lots", str(asked.lots)]
    for _ in range(asked.runs):
        words, text = measured(*day, "--headless", "--hold", "--json")
        print(f"a recorded day  {words}  {verdict(text)}")


def verdict(text: str) -> str:
    """The verdict of a report, and the market seconds that it played."""
    report: dict[str, Any] = json.loads(text)
    return f"{report['verdict']}, {report['simulated_s']:,.0f} market seconds in {report['wall_s']:.1f} s"


if __name__ == "__main__":
    main()
