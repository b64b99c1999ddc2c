"""What ``hedgerow doctor`` looks at; each check is one question with one answer and what to do about it."""

from __future__ import annotations

import csv
import email.utils
import io
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path

import httpx

from console.cli.addresses import OWN, broker_name
from console.cli.login import login_command
from core.brokers.kite.errors import Fault
from core.brokers.kite.rest import KITE, KiteRest
from core.brokers.kite.session import KiteSession
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import BookUnavailable
from core.domain.orders import AccessRefusal, Outcome
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S, duration_text, from_ist, to_ist
from core.journal.errors import JournalError
from core.journal.opening import WAL_RESET_BUG, read_journal

DUMP_MADE_AT = time(8, 30)
"""Kite makes the day's instrument dump by then (kite.trade/docs/connect/v3/market-quotes)."""
SKEW_OK_S, SKEW_FAILS_S = 2.0, 5.0
"""A ``Date`` header has whole seconds, so one second either way is nothing."""
LOGIN = "Log in: hedgerow login kite"


class Verdict(StrEnum):
    """How a check came out."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: what was looked at, how it is, and what to do where it is not well."""

    name: str
    verdict: Verdict
    says: str
    do: str = ""


def sqlite_version() -> Check:
    """Whether this SQLite has the bug that can damage a journal."""
    version = sqlite3.sqlite_version
    first, last = WAL_RESET_BUG
    if first <= sqlite3.sqlite_version_info <= last:
        return Check(
            "sqlite",
            Verdict.WARN,
            f"{version} can damage a file that two programs write at once (fixed in 3.51.3); we are one",
            "Open a live journal with other tools for reading only",
        )
    return Check("sqlite", Verdict.OK, version)


def stored_session(
    session: KiteSession | None,
    trouble: str,
    now_ns: int,
    missing: Verdict,
    silence: str = "",
    addresses: tuple[str, str] = OWN,
) -> Check:
    """Whether there is a session, and for how long; ``silence`` is why the time it lives by is not known."""
    if trouble:
        return Check("session", Verdict.FAIL, trouble, f"Log in: {login_command(*addresses)}")
    if session is None:
        which = "Kite session" if addresses == OWN else f"session of {addresses[0]}"
        says = f"no {which} is stored; paper and rehearsal need none"
        return Check("session", missing, says, f"Log in: {login_command(*addresses)}")
    if silence:
        advice = "Start that exchange again, or log in where one runs"
        return Check("session", missing, f"not known: {silence}", advice)
    if not session.is_alive(now_ns):
        return Check(
            "session",
            Verdict.FAIL,
            f"it ended at {to_ist(session.expires_ns):%H:%M IST on %d %b}",
            f"Log in: {login_command(*session.addresses)}",
        )
    left = duration_text((session.expires_ns - now_ns) // 1_000_000)
    if session.is_elsewhere:
        says = f"{session.user_id} at {session.rest_root}, which is not Kite itself"
        return Check("session", missing, says, "Without --rest and --stream Kite's own is checked")
    return Check(
        "session", Verdict.OK, f"{session.user_id}, until {to_ist(session.expires_ns):%H:%M IST}, in {left}"
    )


async def token(rest: KiteRest, name: str = "Kite", login: str = LOGIN) -> Check:
    """Whether the broker of this name takes the token."""
    try:
        profile = await rest.profile()
    except BookUnavailable as error:
        status = "Kite's status page" if name == "Kite" else f"whether {name} runs"
        advice = login if error.needs_login else f"Check the network, then {status}"
        return Check("token", Verdict.FAIL, str(error), advice)
    return Check("token", Verdict.OK, f"{name} knows {profile.user_id}")


async def clock_skew(root: str, now_ns: Callable[[], int], missing: Verdict) -> Check:
    """How far the machine's clock is from the broker's."""
    before_ns = now_ns()
    try:
        async with httpx.AsyncClient(timeout=7) as http:
            response = await http.get(root, headers={"X-Kite-Version": "3"})
        told = email.utils.parsedate_to_datetime(response.headers["date"])
    except (httpx.HTTPError, httpx.InvalidURL, OSError, KeyError, ValueError) as error:
        return Check(
            "clock", missing, f"not measured: {type(error).__name__}", f"Check the network to {root}"
        )
    middle_s = (before_ns + now_ns()) / 2 / NS_PER_S
    skew_s = middle_s - told.timestamp() - 0.5
    says = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} {broker_name(root)}"
    if abs(skew_s) <= SKEW_OK_S:
        return Check("clock", Verdict.OK, says)
    verdict = Verdict.WARN if abs(skew_s) <= SKEW_FAILS_S else Verdict.FAIL
    return Check("clock", verdict, says, "Set the clock by NTP: order limits and expiries go by the broker's")


async def address(transport: KiteTransport | None, probe: bool, login: str = LOGIN) -> Check:
    """Whether orders are taken from this address: asked by cancelling an order that cannot exist."""
    if transport is None:
        return Check("address", Verdict.WARN, "not asked: no session is known to live", login)
    if not probe:
        return Check(
            "address",
            Verdict.WARN,
            "not asked: only an order request shows whether this static address is registered",
            "hedgerow doctor --probe-address sends a cancel for an order that cannot exist",
        )
    answer = await transport.change("DELETE", "/orders/regular/0")
    if not isinstance(answer, Fault):
        return Check("address", Verdict.OK, "order requests are taken from here")
    if answer.needs_login:
        return Check("address", Verdict.FAIL, answer.message, login)
    if answer.access_refused is AccessRefusal.ADDRESS:
        advice = "Register this machine's static address at developers.kite.trade"
        return Check("address", Verdict.FAIL, answer.message, advice)
    if answer.outcome is Outcome.UNKNOWN:
        return Check("address", Verdict.WARN, f"no clear answer: {answer.message}", "Try again")
    return Check("address", Verdict.OK, f"order requests are taken from here ({answer.message})")


def instruments(path: Path, now_ns: int, missing: Verdict) -> Check:
    """Whether the instrument dump is today's."""
    advice = "It is fetched at the start of a live session"
    try:
        made_ns = path.stat().st_mtime_ns
    except OSError:
        return Check("instruments", missing, f"no dump at {path}", advice)
    now = to_ist(now_ns)
    due_day = now.date() if now.time() >= DUMP_MADE_AT else now.date() - timedelta(days=1)
    made = f"of {to_ist(made_ns):%d %b %H:%M IST}"
    if made_ns >= from_ist(due_day, DUMP_MADE_AT):
        return Check("instruments", Verdict.OK, made)
    return Check("instruments", Verdict.WARN, f"{made}: older than the last one Kite made", advice)


def next_expiry(path: Path, now_ns: int) -> Check:
    """How long until the nearest expiry of each index in the dump."""
    try:
        nearest = _nearest_expiries(path.read_text(encoding="utf-8"), to_ist(now_ns).date())
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        return Check("expiry", Verdict.WARN, "not known without a readable instrument dump")
    if not nearest:
        return Check("expiry", Verdict.WARN, "the instrument dump lists no option that has not expired")
    today = to_ist(now_ns).date()
    says = ", ".join(
        f"{name} {'today' if day == today else f'in {(day - today).days} d'} ({day:%d %b})"
        for name, day in sorted(nearest.items(), key=lambda item: (item[1], item[0]))
    )
    if today in nearest.values():
        return Check("expiry", Verdict.WARN, says, "Margins are higher today, and calendars have no benefit")
    return Check("expiry", Verdict.OK, says)


INDICES = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "SENSEX", "BANKEX")


def _nearest_expiries(dump: str, today: date) -> dict[str, date]:
    nearest: dict[str, date] = {}
    for row in csv.DictReader(io.StringIO(dump)):
        name = row["name"].strip('"')
        if row["instrument_type"] not in ("CE", "PE") or name not in INDICES:
            continue
        try:
            expiry = date.fromisoformat(row["expiry"])
        except ValueError:
            continue
        if expiry >= today and expiry < nearest.get(name, date.max):
            nearest[name] = expiry
    return nearest


def journal(path: Path) -> Check:
    """Whether every row of the journal is as it was written."""
    if not path.exists():
        return Check("journal", Verdict.OK, f"none yet; the first session makes {path}")
    try:
        rows = sum(1 for _ in read_journal(path))
    except (JournalError, OSError, sqlite3.Error) as error:
        return Check(
            "journal", Verdict.FAIL, str(error), "Keep the file; recover from the broker: hedgerow flatten"
        )
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Check(
            "journal", Verdict.WARN, f"{rows:,} rows, intact; others can read it", f"chmod 600 {path}"
        )
    return Check("journal", Verdict.OK, f"{rows:,} rows, every one as it was written")


def limits(settings: ExecutionSettings) -> Check:
    """Whether the settings stay within what the broker allows."""
    pairs = (
        ("a second", settings.orders_per_second, KITE.orders_per_second),
        ("a minute", settings.orders_per_minute, KITE.orders_per_minute),
        ("a day", settings.orders_per_day, KITE.orders_per_day),
        ("modifications an order", settings.modifies_max, KITE.modifies_max),
    )
    over = [f"{ours} {what} where Kite allows {theirs}" for what, ours, theirs in pairs if ours > theirs]
    if over:
        return Check("limits", Verdict.FAIL, "; ".join(over), "Lower these settings: Kite refuses the excess")
    return Check("limits", Verdict.OK, ", ".join(f"{ours:,} {what}" for what, ours, _ in pairs))
