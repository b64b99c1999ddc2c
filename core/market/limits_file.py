"""The account's own limits, read from a TOML file that a person writes."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.risk.limits import RiskLimits

_PAISE = 100


class LimitsFileError(ValueError):
    """A limits file that cannot be used; the message says the file, the key and what is allowed."""


class _Limits(BaseModel):
    """What a person may set; everything left out is no limit. Losses are whole rupees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lots_per_trade: int | None = Field(None, ge=1)
    lots_per_underlying: int | None = Field(None, ge=1)
    lots: dict[str, int] = Field(default_factory=dict)
    """By underlying, in place of ``lots_per_underlying``."""
    loss_per_trade_rupees: int | None = Field(None, ge=1)
    loss_per_day_rupees: int | None = Field(None, ge=1)
    orders_per_trade: int | None = Field(None, ge=1)
    orders_per_day: int | None = Field(None, ge=1)
    groups_per_day: int | None = Field(None, ge=1)


def read_limits(path: Path) -> RiskLimits:
    """The limits of a file. Raises ``LimitsFileError``."""
    try:
        limits = _Limits.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise LimitsFileError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise LimitsFileError(f"{path}: not a text file in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise LimitsFileError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise LimitsFileError("\n".join(_sentence(path, each) for each in error.errors())) from error
    return RiskLimits(
        lots_per_trade=limits.lots_per_trade,
        lots_per_underlying=limits.lots_per_underlying,
        lots_per_underlying_named=limits.lots,
        loss_per_trade_paise=_paise(limits.loss_per_trade_rupees),
        loss_per_day_paise=_paise(limits.loss_per_day_rupees),
        orders_per_trade=limits.orders_per_trade,
        orders_per_day=limits.orders_per_day,
        groups_per_day=limits.groups_per_day,
    )


def _paise(rupees: int | None) -> int | None:
    return None if rupees is None else rupees * _PAISE


def _sentence(path: Path, error: object) -> str:
    assert isinstance(error, dict)
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{path}: {key}: there is no such limit; there are {', '.join(sorted(_Limits.model_fields))}"
    return f"{path}: {key}: {error['msg']}"
