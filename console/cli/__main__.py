"""``python -m console.cli``: the same as ``hedgerow``."""

from console.cli import main

main()
