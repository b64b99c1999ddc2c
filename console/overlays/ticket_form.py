"""The form of an order ticket: its fields, what each takes, and what being empty means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from console.glyphs import Glyphs
from console.overlays.overlay import KeyPress
from console.widgets.line import BLANK, Line, fill, line, width_of, wrap
from core.domain.groups import IncompletePolicy
from core.domain.instruments import Product, Right
from core.engine.previews import TicketPreview, TicketRequest
from core.engine.ticket import fields_of

T = TypeVar("T")
LEGS_MAX = 8
LEGS_SHOWN = 2
"""So many empty legs are offered at first; the next appears as soon as the last is filled."""
STRIKE = "24900 a strike, 0.20 a delta, +300 points out of the money; empty is the strategy's own"
LEG = "+1 24500 PE buys one lot, -2 0.20 CE sells two; +300 is points out of the money; far at the end"

FIELDS: dict[str, tuple[str, str]] = {
    "strategy": ("strategy", "left and right choose"),
    "underlying": ("underlying", "left and right choose among what this market lists"),
    "expiry": ("expiry", "left and right choose; at first the nearest with a day to go"),
    "far_expiry": ("far expiry", "left and right choose; at first the one after the near expiry"),
    "right": ("options", "left and right choose: calls or puts"),
    "call": ("call", STRIKE),
    "put": ("put", STRIKE),
    "width": ("width", "points from body to wing; empty is the strategy's own"),
    "lots": ("lots", "lots of each leg's ratio"),
    "limit_net": (
        "limit net",
        "rupees a unit: a credit at least, or a negative debit at most; empty is none",
    ),
    "stop": ("stop", "a short's stop as a multiple of its premium, such as 2; empty is none"),
    "exit_at": ("exit at", "a time of today, such as 15:10, at which everything is closed; empty is none"),
    "product": ("product", "left and right choose: NRML carries over, MIS is closed before the market is"),
    "on_incomplete": ("incomplete", ""),
    "allow_naked": ("naked", "left and right: whether shorts without cover are allowed"),
}
"""By the request's own names: label, and what may be given."""
POLICIES = {
    IncompletePolicy.SCALE_DOWN: (
        "scale down",
        "where it cannot be completed: keep the whole copies, take the rest back",
    ),
    IncompletePolicy.UNWIND: ("unwind", "where it cannot be completed: take everything back, shorts first"),
    IncompletePolicy.COMPLETE: (
        "complete",
        "where it cannot be completed: go on re-pricing as often as the broker allows",
    ),
}
CHOSEN = frozenset(
    {"strategy", "underlying", "expiry", "far_expiry", "right", "product", "on_incomplete", "allow_naked"}
)
NUMBER = frozenset("0123456789.+-")
TAKES = {"exit_at": frozenset("0123456789:"), "legs": NUMBER | frozenset(" buyselpcfarBUYSELPCFAR")}
LONGEST = {"legs": 22}
EMPTY = {"limit_net": "none", "stop": "none", "exit_at": "none", "legs": ""}
QUIET = frozenset({"own", "none", "nearest", "next"})


class TicketForm:
    """What was filled in, and the field that keys go to. Fields are the request's names; ``legs.2`` is the
    third leg.
    """

    def __init__(self) -> None:
        self.request = TicketRequest()
        self.field = "strategy"

    def fields(self) -> list[str]:
        """The fields of the strategy, each leg one."""
        names: list[str] = []
        for name in fields_of(self.request):
            if name == "legs":
                filled = len(self.request.legs)
                shown = min(LEGS_MAX, max(LEGS_SHOWN, filled + 1))
                names += [f"legs.{number}" for number in range(shown)]
            else:
                names.append(name)
        if self.field not in names:
            self.field = names[0]
        return names

    def press(self, key: KeyPress, preview: TicketPreview | None) -> bool:
        """Move, choose or type; whether the request changed."""
        names = self.fields()
        at = names.index(self.field)
        if key.key in ("down", "tab"):
            self.field = names[(at + 1) % len(names)]
        elif key.key in ("up", "shift+tab"):
            self.field = names[at - 1]
        elif self.field in CHOSEN:
            return key.key in ("left", "right") and self._choose(1 if key.key == "right" else -1, preview)
        else:
            return self._type(key)
        return False

    def _choose(self, step: int, preview: TicketPreview | None) -> bool:
        before, request = self.request, self.request
        preview = preview or TicketPreview(request)
        match self.field:
            case "allow_naked":
                self.request = replace(request, allow_naked=not request.allow_naked)
            case "strategy":
                names = [each for each, _ in preview.strategies]
                following = following_of(names, request.strategy, step)
                self.request = replace(request, strategy=following or request.strategy)
            case "underlying":
                name = following_of(list(preview.underlyings), request.underlying, step)
                self.request = replace(
                    request, underlying=name or request.underlying, expiry=None, far_expiry=None
                )
            case "expiry":
                day = following_of(list(preview.expiries), request.expiry, step)
                self.request = replace(request, expiry=day)
            case "far_expiry":
                day = following_of(list(preview.expiries), request.far_expiry, step)
                self.request = replace(request, far_expiry=day)
            case "right":
                right = Right.PE if request.right is not Right.PE else Right.CE
                self.request = replace(request, right=right)
            case "product":
                self.request = replace(request, product=following_of(list(Product), request.product, step))
            case "on_incomplete":
                policy = following_of(list(POLICIES), request.on_incomplete, step)
                self.request = replace(request, on_incomplete=policy)
        return self.request != before

    def _type(self, key: KeyPress) -> bool:
        name, _, number = self.field.partition(".")
        text = self.text(self.field)
        if key.key == "backspace":
            text = text[:-1]
        elif key.character and key.character in TAKES.get(name, NUMBER):
            if len(text) >= LONGEST.get(name, 12):
                return False
            text += key.character
        else:
            return False
        changed: dict[str, Any] = {name: self._with_leg(int(number), text) if number else text}
        self.request = replace(self.request, **changed)
        return True

    def _with_leg(self, number: int, text: str) -> tuple[str, ...]:
        """The legs with another text in one place; empty ones at the end are left out."""
        legs = [*self.request.legs, *[""] * (number + 1 - len(self.request.legs))]
        legs[number] = text
        while legs and not legs[-1]:
            legs.pop()
        return tuple(legs)

    def text(self, field: str) -> str:
        """What has been typed into a field."""
        name, _, number = field.partition(".")
        if number:
            legs = self.request.legs
            return legs[int(number)] if int(number) < len(legs) else ""
        typed: str = getattr(self.request, name)
        return typed

    def shown(self, field: str, preview: TicketPreview | None) -> str:
        """A field's value, or what being empty means."""
        request = self.request
        match field:
            case "strategy":
                titles = dict(preview.strategies) if preview else {}
                return titles.get(request.strategy, request.strategy)
            case "underlying":
                only = preview.underlyings[0] if preview and len(preview.underlyings) == 1 else "choose"
                return request.underlying or only
            case "expiry":
                return f"{request.expiry:%d %b %Y}" if request.expiry else "nearest"
            case "far_expiry":
                return f"{request.far_expiry:%d %b %Y}" if request.far_expiry else "next"
            case "right":
                return "puts" if request.right is Right.PE else "calls"
            case "product":
                return request.product.value
            case "on_incomplete":
                return POLICIES[request.on_incomplete][0]
            case "allow_naked":
                return "allowed" if request.allow_naked else "no"
        empty = EMPTY.get(field.partition(".")[0], "own")
        return self.text(field) or ("" if self.field == field else empty)

    def hint(self) -> str:
        """What the field takes."""
        if self.field == "on_incomplete":
            return f"left and right choose; {POLICIES[self.request.on_incomplete][1]}"
        return LEG if self.field.startswith("legs.") else FIELDS[self.field][1]

    def lines(
        self, preview: TicketPreview | None, glyphs: Glyphs, width: int, height: int, *, armed: bool
    ) -> list[Line]:
        """Every field, or those about the chosen one where there is little room; then the hint."""
        names = self.fields()
        hint = wrap(line((self.hint(), "muted")), width)
        room = max(3, height - len(hint) - 1)
        at = names.index(self.field)
        first = min(max(0, at - room + 2), max(0, len(names) - room))
        rows = [self._row(name, preview, glyphs, width, armed=armed) for name in names[first : first + room]]
        if first + room < len(names):
            rows[-1] = line((f"  {glyphs.down} {len(names) - first - room + 1} more fields", "muted"))
        return [*rows, BLANK, *hint]

    def _row(
        self, name: str, preview: TicketPreview | None, glyphs: Glyphs, width: int, *, armed: bool
    ) -> Line:
        chosen = name == self.field and not armed
        value = self.shown(name, preview)
        label = f"leg {int(name[5:]) + 1}" if name.startswith("legs.") else FIELDS[name][0]
        if name in CHOSEN:
            text = f"< {value} >" if chosen else f"  {value}"
        else:
            text = f"  {value}{'_' if chosen else ''}"
        row = line(
            (f"{glyphs.cursor if chosen else ' '} ", "accent"),
            (fill(label, 11), "text" if chosen else "muted"),
            (text, "muted" if value in QUIET else "bold bright"),
        )
        if chosen:
            row = tuple((part, f"{each} on selected") for part, each in row)
            row = (*row, (" " * max(0, width - width_of(row)), "text on selected"))
        return row


def following_of(choices: Sequence[T], current: object, step: int) -> Any:
    """The choice after the current one, around; ``None`` where there is none."""
    if not choices:
        return None
    if current not in choices:
        return choices[0 if step > 0 else -1]
    return choices[(list(choices).index(current) + step) % len(choices)]  # type: ignore[arg-type]
