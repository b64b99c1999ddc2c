"""QuantDinger #254: the faults that a multi-leg executor has to pass, played to the end in virtual time.

The whole engine, journal and recovery run against the simulated exchange, and every invariant is judged after
every event. ``hedgerow torture --sweep`` dies at every boundary of every scenario; here it is some of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from core.rehearsal.campaign.seed_run import SeedResult, run_story
from core.rehearsal.scenario_file import read_scenario

SPREAD = """
name = "matrix"
about = "A spread is opened, held and closed."
length = "60 s"

[[group]]
strategy = "bull_put_spread"
lots = 30
at = "2 s"
good_for = "20 s"
exit_at = "40 s"
"""


def fault(kind: str, at: str = "0 s", lasts: str = "60 s", **terms: str) -> str:
    """A fault's table as a scenario has it."""
    extra = "".join(f"{name} = {value}\n" for name, value in terms.items())
    return f'\n[[fault]]\nkind = "{kind}"\nat = "{at}"\nlasts = "{lasts}"\n{extra}'


def play(folder: Path, faults: str, *, seed: int = 1, deadly: tuple[int, ...] = ()) -> SeedResult:
    path = folder / "matrix.toml"
    path.write_text(SPREAD + faults)
    return run_story(read_scenario(path), seed, deadly=deadly)


def require_sound(result: SeedResult, *fired: str) -> None:
    assert result.violations == []
    assert result.states == ["CLOSED"], result.story
    assert result.endings == [""], "by its own policy, not by a person"
    for kind in fired:
        assert result.faults[kind], f"{kind} never happened"


MATRIX = {
    "the first leg fails": fault("reject", rate="1.0", most="3"),
    "the first leg fails for good": fault("reject", lasts="30 s", rate="1.0"),
    "the second leg fails": fault("reject", at="2140 ms", rate="1.0", most="3"),
    "the second leg fails for good": fault("reject", at="2140 ms", lasts="3 s", rate="1.0"),
    "the exit fails three times": fault("reject", at="39 s", rate="1.0", most="3"),
    "partial fills": '\n[[market]]\nkind = "thin"\nmultiplier = 0.03\nat = "0 s"\nlasts = "25 s"\n',
    "a send times out and was placed": fault("timeout-but-placed", lasts="4 s", rate="1.0"),
    "a send times out and is placed late": fault("placed-late", lasts="3 s", rate="1.0", most="1"),
    "everything is delivered twice": fault("frame-repeated", rate="1.0"),
    "nothing is delivered": fault("frame-lost", rate="1.0"),
    "frames come in the wrong order": fault("frame-reordered", rate="0.7"),
    "a fill comes before the acknowledgement": fault("fill-before-acknowledgement", rate="1.0"),
    "the books are old": fault("stale-orders", rate="0.5") + fault("stale-positions", rate="0.5"),
    "positions are truncated": fault("truncated-positions", rate="0.5"),
    "answers are web pages": fault("html-instead-of-json", rate="0.2"),
    "a cancel loses to a fill": '\n[[market]]\nkind = "thin"\nmultiplier = 0.03\nat = "0 s"\nlasts = "25 s"\n'
    + fault("fill-during-cancel", rate="1.0"),
}


@pytest.mark.parametrize("case", MATRIX)
def test_after_this_fault_the_group_ends_by_its_own_policy_and_nothing_is_left(
    tmp_path: Path, case: str
) -> None:
    text = MATRIX[case]
    kinds = [line.split('"')[1] for line in text.splitlines() if line.startswith("kind")]
    result = play(tmp_path, text)
    require_sound(result, *(kind for kind in kinds if kind != "thin"))


@pytest.mark.parametrize("first", range(1, 7))
def test_dying_anywhere_leaves_one_whole_story(tmp_path: Path, first: int) -> None:
    count = play(tmp_path, "").boundaries
    for boundary in range(first, count + 1, 36):
        result = play(tmp_path, "", deadly=(boundary,))
        require_sound(result)
        assert result.crashes == 1
