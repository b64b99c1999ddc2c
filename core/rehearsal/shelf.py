"""The shelf of scenarios: those that are shipped, those in files, and the stories that seeds draw."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from core.rehearsal.campaign.story import draw_story
from core.rehearsal.scenario import Scenario, ScenarioError
from core.rehearsal.scenario_file import read_scenario

FOLDER = Path(__file__).parent / "scenarios"
DEFAULT = "calm"

_DRAWN = re.compile(r"torture-\d{1,18}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A shipped scenario, for a list."""

    name: str
    about: str


def shipped() -> tuple[Listed, ...]:
    """Every scenario that comes with the program, by name."""
    return tuple(
        Listed(scenario.name, scenario.about)
        for scenario in (read_scenario(path) for path in sorted(FOLDER.glob("*.toml")))
    )


def find_scenario(name_or_path: str) -> Scenario:
    """A shipped scenario by name, one from a file, or a seed's story. Raises ``ScenarioError``."""
    if _DRAWN.fullmatch(name_or_path):
        return draw_story(int(name_or_path.rpartition("-")[2]))
    if name_or_path.endswith(".toml"):
        return read_scenario(Path(name_or_path))
    path = FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.toml")))
        raise ScenarioError(
            f"there is no scenario {name_or_path!r}; shipped are {known}; or give a file ending in .toml"
        )
    return read_scenario(path)
