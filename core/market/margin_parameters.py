"""Reading margin parameters from a dated TOML file that a user can replace."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.risk.span import ClassParameters, MarginParameters

_BUILT_IN = "margin_parameters.toml"

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ScanShare = Annotated[float, Field(gt=0, lt=0.5, allow_inf_nan=False)]


class MarginFileError(ValueError):
    """A margin parameter file that cannot be used; the text says which key, and what is possible."""


class _ClassTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    price_scan_share: ScanShare
    price_scan_share_long_dated: ScanShare
    vol_scan: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    exposure_share: Share
    exposure_share_deep: Share
    exposure_share_long_dated: Share
    expiry_day_share: Share
    calendar_share: Share
    short_minimum_share: Share
    deep_beyond_share: Share
    long_dated_days: Annotated[int, Field(ge=1, le=3_650)]
    reference_vol: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _far_is_no_less_than_near(self) -> _ClassTable:
        if self.price_scan_share_long_dated < self.price_scan_share:
            raise ValueError("price_scan_share_long_dated must not be below price_scan_share")
        if min(self.exposure_share_deep, self.exposure_share_long_dated) < self.exposure_share:
            raise ValueError("the exposure of deep or long-dated options must not be below exposure_share")
        return self

    def values(self) -> ClassParameters:
        return ClassParameters(**self.model_dump())


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    source: str
    look_ahead_days: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)]
    index: _ClassTable
    stock: _ClassTable
    underlying: dict[str, _ClassTable] = {}


def built_in_parameters() -> MarginParameters:
    """The parameters that come with the program: the exchange's published minimums."""
    return parse_parameters(files("core.market").joinpath(_BUILT_IN).read_text(encoding="utf-8"), _BUILT_IN)


def read_parameters(path: Path) -> MarginParameters:
    """The parameters of a user's file. Raises ``MarginFileError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise MarginFileError(f"{path}: cannot be read ({why})") from None
    return parse_parameters(text, path.name)


def parse_parameters(text: str, name: str) -> MarginParameters:
    """Check the text of a parameter file. Raises ``MarginFileError`` naming every key that is impossible."""
    try:
        raw = tomllib.loads(text)
        checked = _File.model_validate(_with_class_defaults(raw))
    except tomllib.TOMLDecodeError as error:
        raise MarginFileError(f"{name}: not valid TOML: {error}") from None
    except ValidationError as error:
        lines = [
            f"{name}: {'.'.join(str(part) for part in problem['loc']) or 'file'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
        raise MarginFileError("\n".join(lines)) from None
    return MarginParameters(
        as_of=checked.as_of,
        source=checked.source,
        look_ahead_days=checked.look_ahead_days,
        index=checked.index.values(),
        stock=checked.stock.values(),
        by_underlying={symbol: table.values() for symbol, table in checked.underlying.items()},
    )


def too_new(parameters: MarginParameters, day: date) -> str:
    """A sentence where the parameters are of a later day than the market they are used on, else ``""``."""
    if parameters.as_of <= day:
        return ""
    return (
        f"the margin parameters are of {parameters.as_of} and this market is of {day}: "
        "what the exchange asked for on that day may differ"
    )


def _with_class_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Complete each [underlying.X] from its class, [index] unless it says ``class = "stock"``."""
    tables = raw.get("underlying")
    if not isinstance(tables, dict):
        return raw
    known = {field.name for field in fields(ClassParameters)}
    completed: dict[str, Any] = {}
    for symbol, table in tables.items():
        if not isinstance(table, dict):
            completed[symbol] = table
            continue
        own = dict(table)
        base = raw.get(str(own.pop("class", "index")))
        if not isinstance(base, dict):
            base = asdict(ClassParameters())
        completed[symbol] = {**{key: value for key, value in base.items() if key in known}, **own}
    return {**raw, "underlying": completed}
