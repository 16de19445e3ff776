"""What prompts/ says of machines and attributes: checked once, kept until a file changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from gensup import resources
from gensup.errors import GensupError

STRICT = {"extra": "forbid"}  # what pydantic's gate asks of a row: no key that the record does not have


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """A machine of prompts/machines.yaml."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    noun: str
    aliases: tuple[str, ...] = ()
    same_as: str | None = None
    editions: tuple[int, ...] = ()  # years of DCASE Task 2
    source: str = ""  # of a noun that is more than the name in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """How one key is said. ``phrase`` None: the key in words, then the value."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    phrase: str | None = None
    microphone: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    source: str = ""  # where the meaning is read of


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRow(Meaning):
    """A key of prompts/attributes.yaml, with what it means for single machines."""

    machines: Mapping[str, Meaning] = field(default_factory=dict)


def machine_rows(overlay: Path | None = None) -> Mapping[str, MachineRow]:
    """Rows of machines.yaml by folder name.

    Raises:
        GensupError: a row or a key of it is not as the file's head says.
    """
    rows: Mapping[str, MachineRow] = table("machines.yaml", MachineRow, overlay)
    return rows


def attribute_rows(overlay: Path | None = None) -> Mapping[str, AttributeRow]:
    """Rows of attributes.yaml by key.

    Raises:
        GensupError: as ``machine_rows``.
    """
    rows: Mapping[str, AttributeRow] = table("attributes.yaml", AttributeRow, overlay)
    return rows


def table(file: str, row: type, overlay: Path | None) -> Mapping[str, Any]:
    """A YAML file of prompts/ as rows of one dataclass.

    Raises:
        GensupError: the file is missing or no YAML mapping; a row has an unknown key or a value of another type.
    """
    return _table(file, row, overlay, _stamp(file, overlay))


@lru_cache(maxsize=32)
def _table(file: str, row: type, overlay: Path | None, stamp: tuple[int, int] | None) -> Mapping[str, Any]:
    from pydantic import TypeAdapter, ValidationError

    adapter: TypeAdapter[Any] = TypeAdapter(row)
    rows = {}
    for name, value in resources.mapping("prompts", file, overlay).items():
        try:
            rows[name] = adapter.validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise GensupError(
                first["msg"],
                where=f"{file}: {name}{'.' if key else ''}{key}",
                value=first["input"],
                remedy="mend the row",
            ) from None
    return rows


def _stamp(file: str, overlay: Path | None) -> tuple[int, int] | None:
    """Time and size of the overlay's file, so that an edited one is read again."""
    try:
        found = (overlay / file).stat() if overlay is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
