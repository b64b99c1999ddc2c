"""The incident bundle: four files for their owner only, and nothing secret in them."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

from console.bundle import bundle_name, write_bundle
from console.demo import busy_snapshot, empty_snapshot
from console.scene import Scene
from tests.console.hands import Hands, hands_on

SECRET_WORDS = ("access_token", "enctoken", "secret", "password", "api_key", "totp")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def scene() -> Scene:
    busy = busy_snapshot()
    return Scene(snapshot=busy, order=tuple(busy.account.groups), selected="G-011")


def test_e_writes_the_bundle_and_says_where(tmp_path: Path) -> None:
    async def story() -> None:
        async with hands_on(incidents_folder=tmp_path / "incidents") as hands:
            await export(hands)
            made = next((tmp_path / "incidents").iterdir())
            assert made.name == "20251124-143207-G-011"
            assert {path.name for path in made.iterdir()} == {
                "screen.svg",
                "snapshot.json",
                "journal.jsonl",
                "timeline.md",
            }
            assert mode(made) == 0o700
            assert {mode(path) for path in made.iterdir()} == {0o600}
            assert "Incident bundle written" in hands.text("log")
            await export(hands)
            assert len(list((tmp_path / "incidents").iterdir())) == 2

    asyncio.run(story())


async def export(hands: Hands) -> None:
    await hands.press("e")
    writing = hands.app._writing
    assert writing is not None
    await writing
    hands.app.repaint_all()


def test_the_bundle_tells_the_story_and_who_was_needed(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "b", scene(), "<svg/>", None)
    told = (made / "timeline.md").read_text(encoding="utf-8")
    assert "| G-011 | MANUAL | **needs you** put leg: cancel unconfirmed" in told
    assert told.index("bought cover") < told.index("re-price 24600 PE child 2")
    snapshot = json.loads((made / "snapshot.json").read_text(encoding="utf-8"))
    assert snapshot["account"]["groups"]["G-014"]["state"] == "PARTIALLY_EXPOSED"
    assert snapshot["account"]["foreign"] == {"NFO:NIFTY25NOV25000PE:NRML": -75}
    assert "contracts" not in snapshot["view"]


def test_no_field_of_the_bundle_is_named_like_a_secret(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "b", scene(), "", None)
    text = (made / "snapshot.json").read_text(encoding="utf-8").casefold()
    assert not [word for word in SECRET_WORDS if f'"{word}' in text or f'{word}"' in text]


def test_the_journals_own_rows_are_taken_and_a_journal_that_fails_is_said(tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "a", scene(), "", lambda count: [{"seq": 7, "kind": "fill_recorded"}])
    assert json.loads((made / "journal.jsonl").read_text(encoding="utf-8")) == {
        "seq": 7,
        "kind": "fill_recorded",
    }

    def fails(count: int) -> list[dict[str, object]]:
        raise OSError("disk gone")

    made = write_bundle(tmp_path / "b", scene(), "", fails)
    lines = (made / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert "disk gone" in lines[0]
    assert len(lines) == 1 + len(busy_snapshot().log)


def test_a_folder_that_cannot_be_written_is_a_sentence_on_the_screen(tmp_path: Path) -> None:
    (tmp_path / "incidents").write_text("a file is in the way", encoding="utf-8")

    async def story() -> None:
        async with hands_on(incidents_folder=tmp_path / "incidents") as hands:
            await export(hands)
            assert "could not be written" in hands.text("log")

    asyncio.run(story())


def test_a_core_that_has_just_started_has_a_bundle_too(tmp_path: Path) -> None:
    empty = empty_snapshot()
    assert bundle_name(empty, "") == "20251124-091500"
    made = write_bundle(tmp_path / bundle_name(empty, ""), Scene(snapshot=empty), "", None)
    assert "None." in (made / "timeline.md").read_text(encoding="utf-8")
