"""What a session finds when it begins: groups that its journal has not ended, and what the account holds.

Whatever of it is not in the catalogue has no quotes, so it could be neither priced nor exited.
"""

from __future__ import annotations

from pathlib import Path

from core.brokers.paper.books import ExchangeBooks, ExchangeIdentity, FileBooks
from core.brokers.paper.ledger import Ledger
from core.brokers.port import BookPort
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.lifecycle import IllegalTransition
from core.journal.errors import JournalError
from core.journal.opening import read_journal

_PAPER = ExchangeIdentity(0, "live", "kite")


def journal_account(path: Path) -> Account:
    """The account as a journal tells of it; an empty one where there is none or it cannot be read.

    Whoever goes on with the journal opens it, and is told there what is wrong with it.
    """
    try:
        return fold(read_journal(path))
    except (JournalError, IllegalTransition):
        return Account()


def unfinished_symbols(account: Account) -> tuple[str, ...]:
    """What the groups trade that have not ended, or that hold something although they have."""
    groups = account.groups.values()
    going = [group for group in groups if not group.is_over or any(leg.net_units for leg in group.legs)]
    return tuple(dict.fromkeys(leg.plan.contract.symbol for group in going for leg in group.legs))


async def held_symbols(books: BookPort) -> tuple[str, ...]:
    """What the account holds at the broker, whoever traded it. Raises ``BookUnavailable``."""
    return tuple(position.key.symbol for position in await books.positions() if position.units)


def paper_books(journal: Path) -> ExchangeBooks:
    """The paper exchange's books beside a journal, made if there are none. Raises ``ExchangeFileError``."""
    path = _books_path(journal)
    return FileBooks.open(path, _PAPER) if path.exists() else FileBooks.create(path, _PAPER)


def paper_symbols(journal: Path) -> tuple[str, ...]:
    """What the paper account beside a journal holds and has working. Raises ``ExchangeFileError``."""
    if not _books_path(journal).exists():
        return ()
    books, ledger = paper_books(journal), Ledger()
    try:
        for record in books.records():
            ledger.apply(record)
    finally:
        books.close()
    held = [key.symbol for key, holding in ledger.holdings.items() if holding.units]
    working = [order.key.symbol for order in ledger.orders.values() if order.is_working]
    return tuple(dict.fromkeys(held + working))


def _books_path(journal: Path) -> Path:
    return journal.with_name(journal.name + ".exchange")
