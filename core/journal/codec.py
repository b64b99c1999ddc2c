"""Facts as JSON, and back: the same fact is always the same bytes, and what does not fit is refused.

A body is the fact's fields by name in their declared order, without whitespace; enumerations are their
values, dates are ``YYYY-MM-DD``, tuples are arrays. A field that a newer program added with a default may
be absent from an older body; a field that nobody knows may not be there.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from core.domain.facts import FACT_TYPES, KIND_OF, TYPE_OF, Fact

_ENCODE = msgspec.json.Encoder().encode
_DECODE: Final[dict[str, msgspec.json.Decoder[Fact]]] = {
    KIND_OF[kind]: msgspec.json.Decoder(kind) for kind in FACT_TYPES
}


class FactUnreadable(ValueError):
    """A kind or body that is no fact, saying which part."""


class FactUnwritable(ValueError):
    """A fact that has no JSON form, such as text with half of a surrogate pair."""


def encode_fact(fact: Fact) -> tuple[str, str]:
    """The ``kind`` and ``body`` of a fact. Raises ``FactUnwritable``."""
    kind = KIND_OF[type(fact)]
    try:
        return kind, _ENCODE(fact).decode()
    except (UnicodeError, TypeError, ValueError) as error:
        raise FactUnwritable(f"a {kind} cannot be written as JSON ({error})") from error


def decode_fact(kind: str, body: str) -> Fact:
    """The fact behind a row's ``kind`` and ``body``. Raises ``FactUnreadable``."""
    decoder = _DECODE.get(kind)
    if decoder is None:
        raise FactUnreadable(f"this program knows no fact of the kind {kind!r}")
    try:
        fact = decoder.decode(body)
        again = _ENCODE(fact)
        if again != body.encode():
            _require_nothing_lost(kind, msgspec.json.decode(body), msgspec.json.decode(again))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise FactUnreadable(f"the body of a {kind} cannot be read ({error})") from error
    if not isinstance(fact, TYPE_OF[kind]):
        raise FactUnreadable(f"the body of a {kind} is empty")
    return fact


def _require_nothing_lost(path: str, written: Any, understood: Any) -> None:
    """Everything in the body must be in the fact as well; the fact may have defaults that the body lacks."""
    if isinstance(written, dict) and isinstance(understood, dict):
        for name, value in written.items():
            if name not in understood:
                raise FactUnreadable(f"{path} has a field {name!r} that this program does not know")
            _require_nothing_lost(f"{path}.{name}", value, understood[name])
    elif isinstance(written, list) and isinstance(understood, list) and len(written) == len(understood):
        for index, (value, other) in enumerate(zip(written, understood, strict=True)):
            _require_nothing_lost(f"{path}[{index}]", value, other)
    elif written != understood or type(written) is not type(understood):
        raise FactUnreadable(f"{path} reads {written!r} but means {understood!r}")
