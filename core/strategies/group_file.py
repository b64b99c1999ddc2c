"""Group files: a strategy written down in TOML, checked at the edge.

strategy = "iron_condor"          # a named strategy, or "custom" with [[leg]] tables
underlying = "NIFTY"
lots = 4
width = 200                       # points, body to wing
call = { delta = 0.2 }            # or { strike = 24900 }, or { offset = 300 }
limit_net = 45.5                  # rupees a unit: a credit at least, or a negative debit at most

[[leg]]                           # only with strategy = "custom"
side = "BUY"
right = "PE"
strike = 24000
expiry = 2026-08-18
ratio = 1
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import datetime, time
from pathlib import Path

from pydantic import ValidationError

from core.domain.calendar import SessionCalendar
from core.domain.cover import Holding
from core.domain.groups import GroupPlan
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S, from_ist, to_ist
from core.strategies.catalogue import strategy_named
from core.strategies.errors import StrategyError
from core.strategies.group_tables import CUSTOM, GroupFile, in_paise
from core.strategies.plan import Choices, LegRequest, Terms, build_plan, choose_legs
from core.strategies.selection import (
    chain_of,
    choose_expiry,
    expiries_of,
    underlying_of,
)
from core.strategies.toml_lines import line_of

_LARGEST_FILE = 64 * 1024


class GroupFileError(StrategyError):
    """A group file that cannot be used; every line of the text names a place in the file."""


def read_group_file(path: Path) -> GroupFile:
    """Read and check a group file. Raises ``GroupFileError`` with a line for everything that is wrong."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise GroupFileError(f"{path}: larger than {_LARGEST_FILE // 1024} KiB; this is no group file")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise GroupFileError(f"{path}: not a text in UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise GroupFileError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_group(text, path.name)


def parse_group(text: str, name: str = "group") -> GroupFile:
    """Check the text of a group file. Raises ``GroupFileError``."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GroupFileError(f"{name}: not valid TOML: {error}") from None
    try:
        return GroupFile.model_validate(raw)
    except ValidationError as error:
        raise GroupFileError("\n".join(_sentences(error, text, name))) from None


def plan_from_file(
    path: Path,
    view: MarketView,
    *,
    group_id: str,
    number: int,
    now_ns: int,
    settings: ExecutionSettings,
    calendar: SessionCalendar | None = None,
    held: Iterable[Holding] = (),
) -> GroupPlan:
    """The plan that a group file means on this market. Raises ``StrategyError`` or ``GroupFileError``."""
    group = read_group_file(path)
    return plan_from_group(
        group,
        view,
        group_id=group_id,
        number=number,
        now_ns=now_ns,
        settings=settings,
        calendar=calendar,
        held=held,
    )


def plan_from_group(
    group: GroupFile,
    view: MarketView,
    *,
    group_id: str,
    number: int,
    now_ns: int,
    settings: ExecutionSettings,
    calendar: SessionCalendar | None = None,
    held: Iterable[Holding] = (),
) -> GroupPlan:
    """The plan of a checked group file. Raises ``StrategyError``."""
    calendar = calendar or SessionCalendar()
    if group.strategy == CUSTOM:
        legs = _custom_legs(group, view, now_ns, calendar)
    else:
        legs = choose_legs(strategy_named(group.strategy), view, _choices(group), now_ns, calendar)
    return build_plan(
        group.strategy,
        legs,
        view,
        lots=_lots(group, legs),
        group_id=group_id,
        number=number,
        now_ns=now_ns,
        settings=settings,
        terms=_terms(group, now_ns),
        calendar=calendar,
        held=held,
    )


def _custom_legs(
    group: GroupFile, view: MarketView, now_ns: int, calendar: SessionCalendar
) -> tuple[LegRequest, ...]:
    underlying = underlying_of(view, group.underlying)
    expiries = expiries_of(view, underlying)
    requests = []
    for number, leg in enumerate(group.leg, 1):
        try:
            expiry = choose_expiry(expiries, leg.expiry or group.expiry, now_ns, calendar)
            chain = chain_of(view, underlying, expiry, now_ns, calendar)
            strike = chain.choose(leg.choice, leg.right)
        except StrategyError as error:
            raise StrategyError(f"leg {number}: {error}") from None
        requests.append(LegRequest(chain.side(leg.right)[strike], leg.side, leg.ratio))
    return tuple(requests)


def _choices(group: GroupFile) -> Choices:
    return Choices(
        underlying=group.underlying,
        expiry=group.expiry,
        far_expiry=group.far_expiry,
        call=group.call.choice if group.call else None,
        put=group.put.choice if group.put else None,
        width_paise=in_paise(group.width) if group.width is not None else None,
        right=group.right,
    )


def _lots(group: GroupFile, legs: tuple[LegRequest, ...]) -> int:
    if group.lots is not None:
        return group.lots
    assert group.units is not None
    lot = max(leg.contract.lot_units for leg in legs)
    if any(leg.contract.lot_units != lot for leg in legs):
        raise StrategyError("the legs have different lot sizes; give lots instead of units")
    if group.units % lot:
        below = group.units // lot * lot
        choice = f"{below} or {below + lot}" if below else f"{lot}"
        raise StrategyError(f"{group.units} units are no whole lots of {lot}; give {choice}")
    return group.units // lot


def _terms(group: GroupFile, now_ns: int) -> Terms:
    stop = group.stop
    return Terms(
        product=group.product,
        on_incomplete=group.on_incomplete,
        max_slippage_bps=int(group.max_slippage_pct * 100),
        good_for_ns=group.good_for_minutes * 60 * NS_PER_S,
        limit_net_paise=in_paise(group.limit_net) if group.limit_net is not None else None,
        exit_at_ns=_exit_at(group.exit_at, now_ns),
        allow_naked=group.allow_naked,
        stop_premium_bps=int(stop.premium_multiple * 10_000) if stop.premium_multiple else 0,
        stop_loss_paise=in_paise(stop.loss) if stop.loss else 0,
        target_paise=in_paise(stop.target) if stop.target else 0,
        stop_below_paise=in_paise(stop.below) if stop.below else 0,
        stop_above_paise=in_paise(stop.above) if stop.above else 0,
    )


def _exit_at(at: time | datetime | None, now_ns: int) -> int | None:
    """A time of day means today; a time without a zone is Indian."""
    if at is None:
        return None
    day, clock = (at.date(), at.time()) if isinstance(at, datetime) else (to_ist(now_ns).date(), at)
    zoned = isinstance(at, datetime) and at.tzinfo is not None
    exit_ns = int(at.timestamp()) * NS_PER_S if zoned and isinstance(at, datetime) else from_ist(day, clock)
    if exit_ns <= now_ns:
        raise StrategyError(f"exit_at {at} has passed already")
    return exit_ns


def _sentences(error: ValidationError, text: str, name: str) -> list[str]:
    sentences: list[tuple[int, str]] = []
    for problem in error.errors():
        place = [part for part in problem["loc"] if isinstance(part, str | int)]
        line = line_of(text, place)
        where = f"{name}, line {line}" if line else name
        key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
        message = problem["msg"].removeprefix("Value error, ")
        got = problem.get("input")
        shown = "" if isinstance(got, dict | list) or problem["type"] == "missing" else f" (it is {got!r})"
        if problem["type"] == "extra_forbidden":
            message, shown = "no such key is known here", ""
        sentences.append((line or 0, f"{where}: {key + ': ' if key else ''}{message}{shown}"))
    return [sentence for _, sentence in sorted(sentences)]
