"""Reading a scenario's file: everything that is wrong with it is said with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.rehearsal.scenario import (
    ExpectTable,
    FaultTable,
    GroupTable,
    LatencyTable,
    MarketTable,
    OperatorTable,
    Scenario,
    ScenarioError,
    Table,
    place,
)
from core.rehearsal.scenario_checks import require_sense


def read_scenario(path: Path) -> Scenario:
    """A scenario from a file. Raises ``ScenarioError`` with the file, the line and the key."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not a text file in UTF-8") from error
    try:
        scenario = Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise ScenarioError("\n".join(_sentence(path, text, each) for each in error.errors())) from error
    read = scenario.read_from(path, text)
    require_sense(read)
    return read


def _sentence(path: Path, text: str, error: Any) -> str:
    where = [part for part in error["loc"] if not (isinstance(part, str) and part[:1].isupper())]
    what = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = f"there is no such key; allowed are {', '.join(_allowed(where))}"
    elif error["type"] == "missing":
        what = "this key is missing"
    return place(path, text, where) + what


_TABLES: dict[str, type[Table]] = {
    "group": GroupTable,
    "market": MarketTable,
    "operator": OperatorTable,
    "fault": FaultTable,
    "latency": LatencyTable,
    "expect": ExpectTable,
}


def _allowed(where: list[Any]) -> list[str]:
    table = _TABLES.get(str(where[0]), Scenario) if len(where) > 1 else Scenario
    return sorted(table.model_fields)
