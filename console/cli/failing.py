"""How a command ends when what it was given cannot be used: one sentence on stderr, and exit status 2."""

from __future__ import annotations

from typing import NoReturn

import typer

BAD_INPUT = 2


def refuse(sentence: object) -> NoReturn:
    """Say what is wrong and what to do, and end with status 2."""
    typer.echo(f"hedgerow: {sentence}", err=True)
    raise typer.Exit(BAD_INPUT)
