"""The record that flows through everything: a recording, and what its place and name say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from typing_extensions import TypeAliasType

Condition: TypeAlias = Literal["normal", "anomaly"]
Domain: TypeAlias = Literal["source", "target"]
Split: TypeAlias = Literal["train", "test", "supplemental"]
Status: TypeAlias = Literal["measured", "cited", "guessed", "plausible", "generic"]
"""Provenance of a fault's signature: heard on a machine, read in a paper, our guess, physics only, or any machine's."""

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
"""What JSON can say. A named type: pydantic would unfold a plain recursive alias for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording and what its place and name say. None = not said; nothing is guessed.

    ``section`` and ``index`` are text as written ("00", "0240"): width is information. ``spelling`` tells how the file
    name writes the other fields where that is not the plain DCASE way (see ``metadata.names``), so that ``format`` can
    write the very name again.
    """

    path: str  # POSIX, relative to the root it was found under
    year: int | None = None
    machine: str | None = None
    section: str | None = None
    domain: Domain | None = None
    split: Split | None = None
    condition: Condition | None = None
    index: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    unparsed: tuple[str, ...] = ()
    spelling: str | None = None
