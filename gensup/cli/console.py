"""What a command shows: results to stdout, progress to stderr - bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from gensup.steps.progress import Progress

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10


class Lines:
    """Progress in plain lines: a batch job's log."""

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        began = said = time.monotonic()
        for count, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - said > SECONDS_BETWEEN_LINES and count < total:
                said = now
                self.note(f"{doing}: {count} of {total}, about {(now - began) / count * (total - count):.0f} s left")
        if total:
            self.note(f"{doing}: {total} of {total} in {time.monotonic() - began:.1f} s")


class Bars:
    """Progress as a bar that goes when it is done."""

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(doing, total=total)
            for item in items:
                yield item
                bar.advance(task)


def progress() -> Progress:
    """The listener that suits where stderr goes."""
    return Bars() if sys.stderr.isatty() else Lines()


def print_json(value: Any) -> None:
    """One object on one line."""
    print(json.dumps(plain(value), ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """Records, paths and tuples as JSON knows them."""
    from dataclasses import fields, is_dataclass
    from pathlib import PurePath

    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, PurePath) else value


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns of text, as wide as they need to be."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
