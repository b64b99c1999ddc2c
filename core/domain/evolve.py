"""``evolve``: what a fact means. Folding a journal uses only this; it never runs policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.domain import account_facts, group_facts, order_facts
from core.domain import facts as f
from core.domain.account import Account
from core.domain.groups import MultiLegOrderGroup
from core.domain.tags import group_id_of

_MEANING = order_facts.MEANING | group_facts.MEANING | account_facts.MEANING

if set(_MEANING) != set(f.FACT_TYPES):  # a fact without a meaning must not get as far as a journal
    raise TypeError(f"facts without a meaning: {set(f.FACT_TYPES) ^ set(_MEANING)}")


def evolve(account: Account, row: f.Recorded) -> Account:
    """The account after one more fact. Raises ``IllegalTransition`` for a move that the table has not."""
    fact = row.fact
    account = _MEANING[type(fact)](account, fact, row.at_ns)
    return replace(account, seq=row.seq, at_ns=max(account.at_ns, row.at_ns))


def fold(rows: Iterable[f.Recorded], account: Account | None = None) -> Account:
    """The account that a list of rows adds up to."""
    folded = Account() if account is None else account
    for row in rows:
        folded = evolve(folded, row)
    return folded


def group_of(account: Account, tag: str) -> MultiLegOrderGroup | None:
    """The group whose order carries this tag, if it is one of this journal's."""
    group = account.groups.get(group_id_of(tag))
    return group if group is not None and tag in group.orders else None
