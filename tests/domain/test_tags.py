"""Tags: made once, read back exactly, and never mistaken for somebody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.tags import base36, child_of, group_id_for, group_id_of, leg_of, life_of, short_name, tag_for

_NUMBERS = st.tuples(*(st.integers(0, 36**width - 1) for width in (3, 1, 3, 2)))


@given(_NUMBERS, st.integers(0, 2**63))
def test_a_tag_says_again_what_it_was_made_of(numbers: tuple[int, int, int, int], started_at_ns: int) -> None:
    group, leg, child, attempt = numbers
    tag = tag_for("QX7K2M", group, leg, child, attempt, life_of(started_at_ns))
    assert len(tag) <= 20
    assert tag.isalnum()
    assert tag.isascii()
    assert group_id_of(tag) == group_id_for(group)
    assert leg_of(tag) == leg
    assert child_of(tag) == (child, attempt)


@given(st.text(max_size=20))
def test_whatever_a_broker_calls_a_tag_never_raises(text: str) -> None:
    assert group_id_of(text) == "" or text.isalnum()


@pytest.mark.parametrize(
    "tag", ["", "QX7K2M", "QX7K2M001-001010000", "QX7K2M0010_01010000", "qx7k2m0010001010000"]
)
def test_what_only_looks_like_a_tag_is_none(tag: str) -> None:
    assert group_id_of(tag) == ""


def test_a_number_that_has_outgrown_its_place_raises_instead_of_repeating_a_tag() -> None:
    with pytest.raises(OverflowError):
        tag_for("QX7K2M", 36**3, 0, 1, 1)
    with pytest.raises(OverflowError):
        base36(36, 1)


def test_two_lives_of_a_process_share_no_tag_even_when_nothing_of_the_first_was_written() -> None:
    first, second = (tag_for("QX7K2M", 1, 0, 1, 1, life_of(at_ns)) for at_ns in (10**18, 10**18 + 10**8))
    assert first != second


def test_a_person_reads_group_leg_and_child() -> None:
    assert short_name(tag_for("QX7K2M", 14, 2, 2, 1)) == "14-3-2"
    assert short_name(tag_for("QX7K2M", 14, 2, 2, 3)) == "14-3-2.3"
