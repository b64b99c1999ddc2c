"""``hedgerow screenshots``: make every picture that the README shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.failing import refuse


def register(app: typer.Typer) -> None:
    """Add ``screenshots`` to the program."""
    app.command()(screenshots)


def screenshots(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")] = Path("screenshots"),
) -> None:
    """Make every picture that the README shows, as SVG, from the console's own demo session."""
    from console.screenshots import make

    if not folder.is_dir():
        refuse(f"{folder} is no folder: make it first, or name another")
    try:
        made = make(folder)
    except OSError as error:
        refuse(f"{folder}: cannot write the pictures ({error.strerror}); choose a writable folder")
    for path in made:
        typer.echo(str(path))
