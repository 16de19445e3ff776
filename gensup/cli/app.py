"""The application: its commands, and how every way of ending becomes an exit status."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gensup.cli import (
    caption,
    convert,
    detectors,
    doctor,
    download,
    evaluate,
    export,
    faults,
    finetune,
    fit,
    report,
    scan,
    score,
    select,
    submit,
    synthesize,
    train,
    tune,
    verify,
)
from gensup.errors import GensupError


class _NobodyReads(BaseException):
    """Whoever read our output has enough of it (``| head``)."""


@contextmanager
def _read_by_somebody() -> Iterator[None]:
    """Turns a broken pipe into ``_NobodyReads``: of Typer, which is around this, it would be an end with status 1."""
    try:
        yield
        sys.stdout.flush()  # what is still in the buffer meets the same reader
    except BrokenPipeError:
        raise _NobodyReads from None


class _Commands(TyperGroup):
    def make_context(self, *words: Any, **how: Any) -> Any:
        with _read_by_somebody():  # --help and --version speak here
            return super().make_context(*words, **how)

    def invoke(self, *words: Any) -> Any:
        with _read_by_somebody():
            return super().invoke(*words)


app = typer.Typer(
    cls=_Commands,
    help="Tunes an anomalous-sound detector for a machine that nobody has ever heard break.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from gensup.store import version

        print(version())
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it and end.")
    ] = False,
) -> None:
    pass


for module in (
    download,
    scan,
    caption,
    finetune,
    synthesize,
    tune,
    select,
    train,
    fit,
    score,
    export,
    evaluate,
    report,
    verify,
    convert,
    detectors,
    faults,
    doctor,
):
    app.command(module.__name__.rpartition(".")[2])(module.command)
app.add_typer(submit.app, name="submit")


ENDINGS = {signal.SIGTERM: ("told to stop", 0), signal.SIGINT: ("interrupted", 130)}


class _Stopped(BaseException):
    """A signal: a cluster takes the machine back, or somebody pressed Ctrl-C. What is done is on disk."""


def run() -> None:
    """Run the command line: 0 done or SIGTERM, 2 the user can mend it, 130 interrupted, 1 anything else."""
    for stream in (sys.stdout, sys.stderr):
        # A name may hold bytes that are no text; in JSON what comes out is their escape.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    for number in ENDINGS:
        signal.signal(number, _stop)
    try:
        app()
    except GensupError as error:
        _leave(f"gensup: {error}", 2)
    except _Stopped as stopped:
        word, status = ENDINGS[stopped.args[0]]
        _leave(f"gensup: {word}; the same command continues where it was", status)
    except _NobodyReads:
        # Python would complain once more while it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("GENSUP_TRACEBACK"):
            traceback.print_exc()
        _leave(f"gensup: unexpected {type(error).__name__}: {error}; GENSUP_TRACEBACK=1 shows where", 1)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped(signal.Signals(number))


def _leave(text: str, status: int) -> None:
    print(" ".join(text.split()), file=sys.stderr)
    sys.exit(status)
