"""Whose journal it is: its nonce, where its companions lie, and the refusal of another run's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from core import __version__
from core.domain.facts import JournalOpened, Recorded, SettingsAdopted
from core.domain.tags import NONCE_LENGTH, base36
from core.engine.recovery import RecoveredExecution
from core.journal.opening import SCHEMA_VERSION
from core.rehearsal.preparation import Prepared


class WrongJournal(ValueError):
    """The journal belongs to another run; the message says which."""


def first_rows(prepared: Prepared, nonce: str, now_ns: int) -> tuple[Recorded, ...]:
    """What a new journal begins with: whose it is, and the numbers that are decided with."""
    opened = JournalOpened(
        nonce=nonce,
        schema_version=SCHEMA_VERSION,
        program_version=__version__,
        mode="PAPER",
        market=prepared.market,
        scenario=prepared.asked.scenario.name,
        seed=prepared.asked.seed,
    )
    settings = SettingsAdopted(prepared.settings)
    return Recorded(1, now_ns, "", opened), Recorded(2, now_ns, "", settings)


def require_same_run(prepared: Prepared, recovered: RecoveredExecution) -> None:
    """Raise ``WrongJournal`` where a journal that was begun is not of this run."""
    asked, identity = prepared.asked, recovered.account.identity
    if recovered.is_new:
        return
    for name, was, now in (
        ("seed", str(identity.seed), str(asked.seed)),
        ("scenario", identity.scenario, asked.scenario.name),
        ("market", identity.market, prepared.market),
    ):
        if was != now:
            raise WrongJournal(
                f"this journal is of {name} {was}, not {now}; ask for that, or give a new --journal"
            )


def nonce_of(seed: int, scenario: str, market: str) -> str:
    """The nonce of a rehearsal's journal: the same for the same run, six of ``[A-Z0-9]``."""
    digest = hashlib.sha256(msgspec.json.encode([seed, scenario, market])).digest()
    return base36(int.from_bytes(digest[:8]) % 36**NONCE_LENGTH, NONCE_LENGTH)


def journal_paths(journal: Path) -> tuple[Path, Path]:
    """Where the exchange keeps its books beside a journal, and where the finished report is."""
    return (
        journal.with_name(journal.name + ".exchange"),
        journal.with_name(journal.name + ".report"),
    )
