"""The wheel holds the packages and all their data, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

PROJECT = Path(__file__).parents[1]
ROOTS = ("core", "console", "themes")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def kept(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")


def in_the_tree() -> set[str]:
    return {
        path.relative_to(PROJECT).as_posix()
        for root in ROOTS
        for path in (PROJECT / root).rglob("*")
        if kept(path)
    }


@pytest.fixture(scope="module")
def in_the_wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from a copy, without the network."""
    copy = tmp_path_factory.mktemp("project")
    for name in FILES:
        shutil.copy(PROJECT / name, copy)
    for root in (*ROOTS, "screenshots"):
        if (PROJECT / root).is_dir():
            shutil.copytree(PROJECT / root, copy / root, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "tests").mkdir()
    (copy / "tests" / "__init__.py").touch()
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(copy)], cwd=copy, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    with ZipFile(copy / done.stdout.split()[-1]) as wheel:
        return {name for name in wheel.namelist() if not name.endswith("/")}


def test_every_file_of_the_packages_is_in_the_wheel(in_the_wheel: set[str]) -> None:
    assert in_the_tree() - in_the_wheel == set()


def test_nothing_but_the_packages_is_in_the_wheel(in_the_wheel: set[str]) -> None:
    tops = {PurePosixPath(name).parts[0] for name in in_the_wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOTS)
    assert any(name.endswith("/LICENSE") for name in in_the_wheel)


def test_the_packages_are_listed_and_typed(in_the_wheel: set[str]) -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    folders = {PurePosixPath(name).parent.as_posix() for name in in_the_tree() if name.endswith(".py")}
    assert sorted(listed) == sorted(folder.replace("/", ".") for folder in folders)
    assert {f"{root}/py.typed" for root in ROOTS} <= in_the_wheel


def test_what_is_installed_is_pinned_by_version_and_by_nothing_else() -> None:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines)
    assert all(name and version.replace(".", "").isalnum() for name, version in pinned.items())
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *settings["dependencies"],
        *(each for extra in settings["optional-dependencies"].values() for each in extra),
    ]
    names = {each.partition(">")[0].partition("=")[0].partition("<")[0].lower() for each in wanted}
    assert names <= {name.lower() for name in pinned}
