"""The command that ``torture`` prints plays what failed: the same rows to the last, headless and paced."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path
from threading import Timer

import pytest
from typer.testing import CliRunner, Result

from console.cli import build
from console.cli.torture import rehearsing
from core.journal.persistence import InlinePersistence
from core.rehearsal.campaign.pool import Run, play
from core.rehearsal.campaign.seed_run import SeedResult
from core.rehearsal.campaign.story import name_of

OWN_STORY = (
    'name = "mine"\nabout = "A spread."\nlength = "40 s"\n[[group]]\nstrategy = "bull_put_spread"\n'
    'exit_at = "20 s"\n'
)
DEATHLESS, DEADLY = (0, 4), (1, 3, 8)


def invoke(command: str, *arguments: object) -> Result:
    words = shlex.split(command)
    assert words.pop(0) == "hedgerow"
    return CliRunner().invoke(build(), [*words, *map(str, arguments)])


def printed(result: SeedResult, guards_off: frozenset[str] = frozenset()) -> str:
    how = "".join(f" --crash-at {number}" for number in result.deadly)
    how += "".join(f" --without {guard}" for guard in sorted(guards_off))
    return rehearsing(result.played, result.seed, how)


def last_hash(command: str, journal: Path, *arguments: object) -> str:
    result = invoke(command, "--headless", "--journal", journal, *arguments)
    assert result.exit_code in (0, 1), result.output
    return InlinePersistence(journal).last_hash


@pytest.mark.parametrize("seed", [*DEATHLESS, *DEADLY])
def test_a_seeds_story_is_played_again_with_its_own_deaths(seed: int, tmp_path: Path) -> None:
    played = play(Run(seed))
    assert bool(played.deadly) is (seed in DEADLY)
    assert last_hash(printed(played), tmp_path / "a.journal") == played.last_hash
    bare = rehearsing(name_of(seed), seed)
    assert last_hash(bare, tmp_path / "b.journal") == played.last_hash, "the deaths are the story's own"


def test_paced_against_the_wall_it_is_the_same_to_the_last_row(tmp_path: Path) -> None:
    for seed in (DEATHLESS[0], DEADLY[0]):
        played = play(Run(seed))
        journal = tmp_path / f"{seed}.journal"
        assert last_hash(printed(played), journal, "--speed", 10_000) == played.last_hash


def test_a_run_without_a_guard_is_played_again_without_it(tmp_path: Path) -> None:
    off = frozenset({"cover-before-release"})
    played = play(Run(2, guards_off=off))
    assert played.violations
    command = printed(played, off)
    assert last_hash(command, tmp_path / "off.journal") == played.last_hash
    assert last_hash(rehearsing(name_of(2), 2), tmp_path / "on.journal") != played.last_hash
    again = invoke(command, "--headless", "--journal", tmp_path / "again.journal")
    assert again.exit_code == 1
    assert "VIOLATION of invariant" in again.stdout


def test_a_death_of_a_sweep_is_played_again(tmp_path: Path) -> None:
    whole = play(Run(1, "crash-mid-group"))
    swept = play(Run(1, "crash-mid-group", (whole.boundaries // 3, whole.boundaries // 3 + 2)))
    assert swept.crashes > whole.crashes
    assert last_hash(printed(swept), tmp_path / "swept.journal") == swept.last_hash
    assert swept.last_hash != whole.last_hash


def test_a_scenarios_file_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my own story.toml"
    path.write_text(OWN_STORY)
    played = play(Run(5, str(path), (20,)))
    assert played.crashes == 1
    command = printed(played)
    assert str(path) in shlex.split(command)
    assert last_hash(command, tmp_path / "own.journal") == played.last_hash


def test_torture_prints_the_two_commands_and_both_find_the_violation(tmp_path: Path) -> None:
    first = invoke("hedgerow torture --seeds 1 --from 2 --without cover-before-release --workers 1")
    assert first.exit_code == 1
    again = re.search(r"again: +(hedgerow torture .*)", first.stdout)
    shown = re.search(r"on the console: (hedgerow rehearse .*)", first.stdout)
    assert again is not None
    assert shown is not None
    assert invoke(again[1], "--workers", 1).exit_code == 1
    second = invoke(shown[1], "--headless", "--journal", tmp_path / "j")
    assert second.exit_code == 1
    assert "VIOLATION of invariant" in second.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--crash-at 4", "--crash-at and --without go with --tortured: add it"),
        ("--without intent-first", "--crash-at and --without go with --tortured: add it"),
        ("--tortured --without nothing", "--without nothing: there is no such guard; there are cancel-"),
        (
            "--tortured --hold --lots 2",
            "--tortured plays exactly what torture played: leave out --lots, --hold",
        ),
    ],
)
def test_what_torture_does_not_know_is_refused(arguments: str, said: str) -> None:
    result = invoke(f"hedgerow rehearse --headless {arguments}")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_half_of_a_torture_is_not_gone_on_with(tmp_path: Path) -> None:
    journal = tmp_path / "begun.journal"
    journal.touch()
    result = invoke(f"hedgerow rehearse --headless --tortured --journal {journal}")
    assert result.exit_code == 2
    assert "this is played from its beginning: give another" in " ".join(result.stderr.split())


def test_on_the_console_it_is_the_same_to_the_last_row(tmp_path: Path) -> None:
    played = play(Run(DEADLY[0]))
    journal = tmp_path / "watched.journal"
    words = shlex.split(printed(played))[1:]
    options = ["--journal", str(journal), "--speed", "40", "--exit-when-done"]
    status, screen = under_a_terminal([*words, *options])
    assert status == 0, screen[-2_000:]
    assert b"\x1b[?1049h" in screen, "there was a console"
    assert InlinePersistence(journal).last_hash == played.last_hash


def under_a_terminal(arguments: list[str]) -> tuple[int, bytes]:
    """Run the program on a terminal of its own; its exit status and all that it painted."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    child = subprocess.Popen(
        [sys.executable, "-m", "console.cli", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    watch = Timer(120, child.kill)
    watch.start()
    screen = bytearray()
    try:
        while painted := os.read(ours, 65_536):
            screen += painted
    except OSError:  # the terminal is gone with the last that had it open
        pass
    finally:
        status = child.wait()
        watch.cancel()
        os.close(ours)
    return status, bytes(screen)
