"""The README's pictures are made by one command, and twice the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import screenshots


def test_the_pictures_are_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        screenshots,
        "PICTURES",
        tuple(each for each in screenshots.PICTURES if each.name.startswith("flatten")),
    )
    first = {path.name: path.read_text(encoding="utf-8") for path in screenshots.make(tmp_path / "a")}
    second = {path.name: path.read_text(encoding="utf-8") for path in screenshots.make(tmp_path / "b" / "c")}
    assert first == second
    assert set(first) == {"flatten.svg", "flatten-all.svg"}
    assert "Flatten" in first["flatten.svg"]
