"""Every fact survives the journal, and what is no fact is refused."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.account import Severity
from core.domain.facts import (
    FACT_TYPES,
    KIND_OF,
    AlertRaised,
    Fact,
    ForeignOrderSeen,
    JournalReturned,
    SettingsAdopted,
)
from core.domain.settings import ExecutionSettings
from core.journal.codec import FactUnreadable, FactUnwritable, decode_fact, encode_fact

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a declared type, however nested."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: of(hints[field.name]) for field in dataclasses.fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of(*(of(choice) for choice in get_args(kind)))
    if get_origin(kind) is tuple:
        item, ellipsis = get_args(kind)
        assert ellipsis is Ellipsis, f"only tuples of any length are journalled, not {kind}"
        return st.lists(of(item), max_size=3).map(tuple)
    if get_origin(kind) in (dict, Mapping):
        key, value = get_args(kind)
        return st.dictionaries(of(key), of(value), max_size=3)
    plain = {int: INT64, str: TEXT, bool: st.booleans(), date: st.dates(), type(None): st.none()}
    assert kind in plain, f"{kind} has no place in a journalled fact"
    return plain[kind]


@pytest.mark.parametrize("kind", FACT_TYPES, ids=KIND_OF.__getitem__)
def test_every_kind_of_fact_comes_back_as_it_was_and_as_the_same_bytes(kind: type[Fact]) -> None:
    @given(of(kind))
    def comes_back(fact: Fact) -> None:
        name, body = encode_fact(fact)
        again = decode_fact(name, body)
        assert again == fact
        assert type(again) is type(fact)
        assert encode_fact(again) == (name, body)
        assert isinstance(hash(again), int)

    comes_back()


def test_a_fact_reads_as_plain_json_by_field_name() -> None:
    kind, body = encode_fact(ForeignOrderSeen("250829000000007", "SELL 75 NIFTY at ₹ 58"))
    assert kind == "foreign_order_seen"
    assert body == '{"order_id":"250829000000007","description":"SELL 75 NIFTY at ₹ 58"}'


def test_a_body_from_before_a_setting_existed_reads_with_its_default() -> None:
    body = encode_fact(SettingsAdopted(ExecutionSettings()))[1]
    older = body.replace('"monitor_every_ms":100,', "")
    assert older != body
    assert decode_fact("settings_adopted", older) == SettingsAdopted(ExecutionSettings())


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("order_teleported", "{}", "order_teleported"),
        ("journal_returned", '{"rows":1,"columns":2}', "columns"),
        ("journal_returned", '{"rows":1.0}', "int"),
        ("journal_returned", '{"rows":"1"}', "int"),
        ("journal_returned", "{}", "rows"),
        ("journal_returned", '{"rows":1', "journal_returned"),
        ("journal_returned", "", "journal_returned"),
        ("journal_returned", "[1]", "array"),
        ("settings_adopted", '{"settings":{"monitor_evry_ms":5}}', "monitor_evry_ms"),
        ("state_changed", '{"group_id":"G","state":"ASLEEP","reason":""}', "ASLEEP"),
    ],
)
def test_what_is_no_fact_is_refused_by_name(kind: str, body: str, says: str) -> None:
    with pytest.raises(FactUnreadable, match=says):
        decode_fact(kind, body)


def test_an_alert_from_before_alerts_had_a_size_reads_with_none() -> None:
    body = '{"alert_id":"a","severity":"CRITICAL","text":"130 units","runbook":"page","group_id":"G-001"}'
    assert decode_fact("alert_raised", body) == AlertRaised(
        "a", Severity.CRITICAL, "130 units", "page", "G-001", 0
    )


def test_a_fact_that_json_cannot_hold_is_refused_before_it_is_written() -> None:
    with pytest.raises(FactUnwritable, match="foreign_order_seen"):
        encode_fact(ForeignOrderSeen("\ud800", ""))


def test_a_number_beyond_64_bits_is_kept_exactly() -> None:
    assert decode_fact(*encode_fact(JournalReturned(2**70))) == JournalReturned(2**70)
