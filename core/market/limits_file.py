"""The account's own limits, read from a TOML file that a person writes.

What a trade and a day may come to, when the kill switch trips and when somebody is told, and how much of the
margin and of the broker's order budget may be used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from core.domain.settings import ExecutionSettings
from core.risk.limits import RiskLimits

_PAISE = 100
_MS = 1_000
_BPS = 100

Percent = Annotated[float, Field(gt=0, le=100)]
Seconds = Annotated[float, Field(ge=0.1, le=3_600)]


class LimitsFileError(ValueError):
    """A limits file that cannot be used; the message says the file, the key and what is allowed."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _KillSwitch(_Table):
    """When no new risk is taken any more."""

    daily_loss_pct: Percent | None = None
    """Of the funds."""
    flatten_on_daily_loss: StrictBool | None = None
    margin_use_pct: Percent | None = None
    exposure_age_s: Seconds | None = None
    divergence_age_s: Seconds | None = None
    loop_lag_s: Seconds | None = None
    blind_s: Seconds | None = None


class _Alerts(_Table):
    """When somebody is told."""

    uncovered_units: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    margin_use_pct: Percent | None = None
    hedge_lag_ms: Annotated[int, Field(ge=10, le=60_000)] | None = None
    loop_lag_ms: Annotated[int, Field(ge=10, le=60_000)] | None = None
    stream_silent_s: Seconds | None = None


class _Orders(_Table):
    """Below what the broker takes; more than that is never sent."""

    per_second: Annotated[int, Field(ge=3, le=1_000)] | None = None
    per_minute: Annotated[int, Field(ge=10, le=60_000)] | None = None
    per_day: Annotated[int, Field(ge=20, le=1_000_000)] | None = None


class _Limits(_Table):
    """What a person may set; everything left out is no limit, or the default. Losses are whole rupees."""

    lots_per_trade: Annotated[int, Field(ge=1)] | None = None
    lots_per_underlying: Annotated[int, Field(ge=1)] | None = None
    lots: dict[str, int] = Field(default_factory=dict)
    """By underlying, in place of ``lots_per_underlying``."""
    loss_per_trade_rupees: Annotated[int, Field(ge=1)] | None = None
    loss_per_day_rupees: Annotated[int, Field(ge=1)] | None = None
    orders_per_trade: Annotated[int, Field(ge=1)] | None = None
    orders_per_day: Annotated[int, Field(ge=1)] | None = None
    groups_per_day: Annotated[int, Field(ge=1)] | None = None
    margin_use_pct: Annotated[float, Field(gt=0, le=95)] | None = None
    """How much of what is available a group's worst case may take; the rest is the safety buffer."""
    kill_switch: _KillSwitch = _KillSwitch()
    alerts: _Alerts = _Alerts()
    orders: _Orders = _Orders()


def read_limits(path: Path, base: ExecutionSettings) -> tuple[RiskLimits, ExecutionSettings]:
    """The limits of a file, and ``base`` with the file's own numbers. Raises ``LimitsFileError``."""
    limits = _read(path)
    return _limits_of(limits), _settings_of(limits, base)


def _limits_of(limits: _Limits) -> RiskLimits:
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


def _settings_of(limits: _Limits, base: ExecutionSettings) -> ExecutionSettings:
    kill, alerts, orders = limits.kill_switch, limits.alerts, limits.orders
    asked: dict[str, float | int | bool | None] = {
        "margin_use_max_bps": _times(limits.margin_use_pct, _BPS),
        "kill_daily_loss_bps": _times(kill.daily_loss_pct, _BPS),
        "flatten_on_daily_loss": kill.flatten_on_daily_loss,
        "kill_margin_use_bps": _times(kill.margin_use_pct, _BPS),
        "kill_exposure_age_ms": _times(kill.exposure_age_s, _MS),
        "kill_divergence_age_ms": _times(kill.divergence_age_s, _MS),
        "kill_loop_lag_ms": _times(kill.loop_lag_s, _MS),
        "kill_blind_ms": _times(kill.blind_s, _MS),
        "alert_uncovered_units": alerts.uncovered_units,
        "alert_margin_use_bps": _times(alerts.margin_use_pct, _BPS),
        "alert_hedge_lag_ms": alerts.hedge_lag_ms,
        "alert_loop_lag_ms": alerts.loop_lag_ms,
        "alert_stream_silent_ms": _times(alerts.stream_silent_s, _MS),
        "orders_per_second": orders.per_second,
        "orders_per_minute": orders.per_minute,
        "orders_per_day": orders.per_day,
    }
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return replace(base, **given)


def _read(path: Path) -> _Limits:
    try:
        return _Limits.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise LimitsFileError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise LimitsFileError(f"{path}: not a text file in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise LimitsFileError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise LimitsFileError("\n".join(_sentence(path, each) for each in error.errors())) from error


def _paise(rupees: int | None) -> int | None:
    return None if rupees is None else rupees * _PAISE


def _times(value: float | None, factor: int) -> int | None:
    return None if value is None else round(value * factor)


_TABLES: Mapping[str, type[_Table]] = {"kill_switch": _KillSwitch, "alerts": _Alerts, "orders": _Orders}


def _sentence(path: Path, error: object) -> str:
    assert isinstance(error, dict)
    where: Sequence[object] = error["loc"]
    key = ".".join(str(part) for part in where)
    if error["type"] == "extra_forbidden":
        table = _TABLES.get(str(where[0]), _Limits) if len(where) > 1 else _Limits
        return f"{path}: {key}: there is no such limit; there are {', '.join(sorted(table.model_fields))}"
    return f"{path}: {key}: {error['msg']}"
