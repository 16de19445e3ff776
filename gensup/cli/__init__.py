"""The command line: one thin module a command, over ``gensup.steps``."""

from __future__ import annotations


def main() -> None:
    """The console script."""
    from gensup.cli.app import run

    run()
