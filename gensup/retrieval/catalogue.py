"""Which record holds which part of which year, read from records.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

from gensup.errors import GensupError
from gensup.resources import parse_yaml

Part = Literal["dev", "additional", "eval"]
PARTS: tuple[Part, ...] = ("dev", "additional", "eval")
_WORDS: Mapping[str, Part] = {
    "dev": "dev",
    "development": "dev",
    "additional": "additional",
    "add": "additional",
    "train": "additional",
    "eval": "eval",
    "evaluation": "eval",
    "test": "eval",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One part of one year: its record, the records it replaced, and its corrected files, each with the reason."""

    year: int
    part: Part
    record: int
    instead_of: Mapping[str, str]
    corrected: Mapping[str, str]

    @property
    def folder(self) -> str:
        """Where its machines lie below the year's folder, as in the official baseline."""
        return f"{'dev_data' if self.part == 'dev' else 'eval_data'}/raw"


@dataclass(frozen=True, slots=True)
class _Row:
    record: int
    instead_of: dict[str, str] = field(default_factory=dict)
    corrected: dict[str, str] = field(default_factory=dict)


def years() -> tuple[int, ...]:
    """The years that are known, oldest first."""
    return tuple(sorted(int(year) for year in _rows()))


def sources(year: int, parts: tuple[Part, ...] = PARTS) -> tuple[Source, ...]:
    """The parts of a year, in the order of ``PARTS``.

    Raises:
        GensupError: no such year.
    """
    rows = _rows().get(str(year))
    if rows is None:
        known = years()
        raise GensupError("no such year", value=year, rule=f"DCASE Task 2 of {known[0]} to {known[-1]}")
    return tuple(
        Source(year, part, rows[part].record, rows[part].instead_of, rows[part].corrected)
        for part in PARTS
        if part in parts and part in rows
    )


def part_of(word: str) -> Part:
    """The part that a word means.

    Raises:
        GensupError: none.
    """
    part = _WORDS.get(word.strip().lower())
    if part is None:
        raise GensupError("no such part", where="--part", value=word, rule=", ".join(PARTS))
    return part


@cache
def _rows() -> dict[str, dict[Part, _Row]]:
    from pydantic import TypeAdapter

    source = files("gensup.retrieval") / "records.yaml"
    rows = parse_yaml(source.read_text(encoding="utf-8"), str(source), ours=True)
    return TypeAdapter(dict[str, dict[Part, _Row]]).validate_python(rows)
