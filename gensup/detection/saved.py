"""A detector's folder: detector.json, which says by SHA-256 what else belongs to it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.store import check_schema, read_json
from gensup.store.files import encode, read_bytes

DESCRIPTION = "detector.json"
WEIGHTS = "model.safetensors"
MEMBERS = "members"

GroupBy: TypeAlias = tuple[Literal["machine", "section"], ...]
Rate: TypeAlias = Annotated[int, Field(gt=0)]
SavedChannel: TypeAlias = Literal["near", "far", "mean"] | Annotated[int, Field(ge=0)]


def encoded(description: Mapping[str, Json]) -> bytes:
    """The bytes of a detector.json."""
    return encode(dict(description), DESCRIPTION, indent=2) + b"\n"


def described(folder: Path) -> dict[str, Json]:
    """What a folder's detector.json says, of whatever kind.

    Raises:
        GensupError: missing, damaged, or written by a newer gensup.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise GensupError(
            "no detector here",
            where=str(folder),
            rule=f"a detector is a folder with {DESCRIPTION}",
            remedy="name the folder that `gensup fit` or `gensup tune` wrote",
        )
    content = read_json(path)
    if not isinstance(content, dict):
        raise damaged(path, type(content).__name__, "a mapping")
    check_schema(content.get("schema"), str(path))
    return content


def checked(kind: Any, content: Mapping[str, Json], path: Path) -> Any:
    """``content`` as the dataclass ``kind``.

    Raises:
        GensupError: a field is missing or of another type.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise damaged(f"{path}: {'.'.join(map(str, first['loc']))}", str(first["input"]), first["msg"]) from None


def verified(path: Path, digest: object, what: str) -> bytes:
    """A file's bytes, if they have this SHA-256; GensupError says that ``what`` is not this detector's."""
    data = read_bytes(path) if path.is_file() else None
    if data is None or sha256(data).hexdigest() != digest:
        raise GensupError(
            f"the {what} are not those of this detector",
            where=str(path),
            rule=f"their SHA-256 stands in {DESCRIPTION}",
            remedy="fit the detector again",
        )
    return data


def damaged(where: Path | str, value: str, rule: str) -> GensupError:
    """The error for a description that cannot be followed."""
    return GensupError(
        "the description is damaged", where=str(where), value=value, rule=rule, remedy="fit the detector again"
    )


def remove_leftovers(folder: Path, keep: Collection[str]) -> None:
    """Remove what an earlier detector left in ``folder``, by its exact names; ``keep`` are paths relative to it."""
    members = [place for place in (folder / MEMBERS).glob("*") if re.fullmatch("[0-9a-f]{16}", place.name)]
    for place in (folder, *members):
        for path in (place / DESCRIPTION, place / WEIGHTS):
            if path.relative_to(folder).as_posix() not in keep:
                path.unlink(missing_ok=True)
    for place in (*members, folder / MEMBERS):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def group_of(groups: tuple[str, ...], group: str, where: str) -> str:
    """The one of ``groups`` whose model scores a clip of ``group``: its own, or the only one when it does not say.

    Raises:
        GensupError: no model of that group.
    """
    if group in groups:
        return group
    if not group and len(groups) == 1:
        return groups[0]
    raise unknown("group for this detector", group or "not said", groups, where=where)
