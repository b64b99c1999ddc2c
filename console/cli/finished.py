"""A rehearsal that has been played to its end: its report is shown again, and nothing is played."""

from __future__ import annotations

import json

from console.cli.playing import Play
from core.journal.opening import read_journal
from core.rehearsal.journal_identity import WrongJournal, journal_paths
from core.rehearsal.report import Report, write_report


def finished_report(how: Play) -> Report | None:
    """The report beside a finished journal, written once more to where it is wanted; ``None`` for any other.

    Raises ``WrongJournal`` where it is of another run, or cannot be read, and ``JournalCorrupt``.
    """
    _, kept = journal_paths(how.journal)
    if not kept.is_file():
        return None
    if not how.journal.is_file():
        raise WrongJournal(
            f"{kept} is the report of a journal that is gone; remove what is left beside it, "
            "or give a new --journal"
        )
    try:
        report = json.loads(kept.read_text("utf-8"))
        found = {name: report[name] for name in ("seed", "scenario", "market", "verdict")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongJournal(
            f"{kept}: this report cannot be read ({error}); remove it to have the journal judged again"
        ) from error
    asked = how.prepared.asked
    for name, now in (
        ("seed", asked.seed),
        ("scenario", asked.scenario.name),
        ("market", how.prepared.market),
    ):
        if found[name] != now:
            raise WrongJournal(
                f"this journal is of {name} {found[name]}, not {now}; ask for that, or give a new --journal"
            )
    # The report is only as good as the journal it is of: this raises where that was tampered with.
    for _ in read_journal(how.journal):
        pass
    if how.report is not None:
        write_report(report, how.report)
    return dict(report)
