"""What an answer of Kite proves: created, not created, or nothing at all.

Kite has no idempotency key, so a request to change something is judged once and never repeated. The HTTP
status counts first, ``error_type`` second, and only Kite's own error envelope proves that nothing was
created: a proxy's page has not been to the order system and back. Sources: kite.trade/docs/connect/v3, and
the staff on its forum (discussions 8124, 9602, 32519, 35150).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from core.brokers.kite.models import Envelope
from core.domain.orders import AccessRefusal, Outcome

NOT_CREATED: dict[int, str] = {
    400: "refused by the broker's checks",
    403: "not permitted",
    404: "no such thing",
    405: "not allowed",
    428: "needs an authorisation of holdings",
    429: "too many requests",
}
"""Statuses whose error envelope means that nothing was created or changed."""

UNCLEAR_TYPES = frozenset({"NetworkException", "DataException"})
"""Kite did not understand, or did not reach, its own order system: on a 400 this proves nothing."""

MODIFIES_SPENT = "maximum allowed order modifications"
"""Kite's words for the 26th modification, a refusal under whatever status it comes."""

TOKEN_REFUSED = "TokenException"
_OF_AN_ADDRESS = re.compile(r"(?i)\bips?\b|whitelist|\bstatic address\b")
"""How a refusal of the address that an order request came from is known: neither its status nor its type is
documented. Order requests need the account's registered static address since 2026-04-01."""
LONGEST_MESSAGE = 300
SHORTEST_SECRET = 4
"""Replacing anything shorter would garble the sentence and protect nothing."""

_SECRET_PATTERNS = (
    re.compile(
        r"(?i)((?:access|request|refresh|public|enc)_?token|checksum|api_secret)(\"?\s*[=:]\s*\"?)[^\s\"&,;}]+"
    ),
    re.compile(r"(?i)(token\s+[A-Za-z0-9_]+)(:)[A-Za-z0-9_\-]+"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is no success. ``outcome`` is ``REJECTED`` or ``UNKNOWN``; ``status`` 0 is no answer."""

    outcome: Outcome
    message: str
    status: int = 0
    error_type: str = ""
    access_refused: AccessRefusal | None = None

    @property
    def needs_login(self) -> bool:
        """Whether the session itself is refused."""
        return self.access_refused is AccessRefusal.LOGIN

    @property
    def back_off(self) -> bool:
        """Whether the broker asked to be left alone for a while."""
        return self.status == 429

    @property
    def may_pass(self) -> bool:
        """Whether asking again could bring an answer; only ever done for a GET."""
        return self.outcome is Outcome.UNKNOWN or self.back_off


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """One line without tokens or checksums, fit for a log, an alert or the journal."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    for pattern in _SECRET_PATTERNS:
        text = pattern.sub(r"\1\2***", text)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def envelope(body: bytes) -> Envelope | None:
    """The frame of a reply, or ``None`` where the body is not one."""
    try:
        return msgspec.json.decode(body, type=Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def judge(status: int, body: bytes, secrets: tuple[str, ...] = ()) -> msgspec.Raw | Fault:
    """The raw ``data`` of a success, or what the answer proves instead."""
    reply = envelope(body)
    if reply is None:
        kind = "a page" if body.lstrip()[:1] == b"<" else "something unreadable"
        return Fault(Outcome.UNKNOWN, f"HTTP {status} with {kind} instead of an answer of Kite", status)
    if status == 200 and reply.status == "success":
        return reply.data
    error_type = redact(reply.error_type or "", secrets)
    said = redact(reply.message or NOT_CREATED.get(status, "no reason given"), secrets)
    message = f"{said} (HTTP {status}{', ' + error_type if error_type else ''})"
    return Fault(
        _outcome(status, error_type, said),
        message,
        status,
        error_type,
        _access_refused(error_type, said),
    )


def _access_refused(error_type: str, said: str) -> AccessRefusal | None:
    if error_type == TOKEN_REFUSED:
        return AccessRefusal.LOGIN
    return AccessRefusal.ADDRESS if _OF_AN_ADDRESS.search(said) else None


def _outcome(status: int, error_type: str, said: str) -> Outcome:
    if MODIFIES_SPENT in said.lower():
        return Outcome.REJECTED
    if status not in NOT_CREATED or (status == 400 and error_type in UNCLEAR_TYPES):
        return Outcome.UNKNOWN
    return Outcome.REJECTED


def unanswered(error: BaseException, timeout_s: float, secrets: tuple[str, ...] = ()) -> Fault:
    """No answer at all: a time-out, a reset, a name that does not resolve."""
    if isinstance(error, TimeoutError):
        return Fault(Outcome.UNKNOWN, f"no answer within {timeout_s:g} s")
    detail = redact(str(error), secrets)
    kind = type(error).__name__
    return Fault(Outcome.UNKNOWN, f"no answer: {kind}{': ' + detail if detail else ''}")
