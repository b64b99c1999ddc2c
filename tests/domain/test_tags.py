"""Tags: made once, read back exactly, and never mistaken for somebody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.tags import base36, child_of, group_id_for, group_id_of, leg_of, short_name, tag_for


@given(st.integers(0, 36**3 - 1), st.integers(0, 35), st.integers(0, 36**3 - 1), st.integers(0, 36**2 - 1))
def test_a_tag_says_again_what_it_was_made_of(group: int, leg: int, child: int, attempt: int) -> None:
    tag = tag_for("QX7K2M", group, leg, child, attempt)
    assert len(tag) <= 20
    assert tag.isalnum()
    assert tag.isascii()
    assert group_id_of(tag) == group_id_for(group)
    assert leg_of(tag) == leg
    assert child_of(tag) == (child, attempt)


@given(st.text(max_size=20))
def test_whatever_a_broker_calls_a_tag_never_raises(text: str) -> None:
    assert group_id_of(text) == "" or text.isalnum()


@pytest.mark.parametrize("tag", ["", "QX7K2M", "QX7K2M001-00101", "QX7K2M0010_0101", "qx7k2m001000101"])
def test_what_only_looks_like_a_tag_is_none(tag: str) -> None:
    assert group_id_of(tag) == ""


def test_a_number_that_has_outgrown_its_place_raises_instead_of_repeating_a_tag() -> None:
    with pytest.raises(OverflowError):
        tag_for("QX7K2M", 36**3, 0, 1, 1)
    with pytest.raises(OverflowError):
        base36(36, 1)


def test_a_person_reads_group_leg_and_child() -> None:
    assert short_name(tag_for("QX7K2M", 14, 2, 2, 1)) == "14-3-2"
    assert short_name(tag_for("QX7K2M", 14, 2, 2, 3)) == "14-3-2.3"
