"""run.json: which configuration a folder belongs to, so that a killed run continues and never mixes with another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.store.files import encode, is_temporary, read_json, refuse, write_json
from gensup.store.lock import LOCK
from gensup.store.schema import SCHEMA, check_schema, version

if TYPE_CHECKING:
    from gensup.clip import Json

RUN = "run.json"
_OWN = ("gensup", "schema", "config")
_SHOWN = 8  # differing keys in a message
_REMEDY = "name another --out, or remove the folder"


def open_run(folder: Path, config: Mapping[str, Json], *, beside: Collection[str] = ()) -> dict[str, Json]:
    """Begin a run in a folder, or continue the one that stands there; what its run.json says.

    Args:
        folder: made when missing.
        config: the resolved configuration; the version that began a run stays written in it.
        beside: names that may stand in the folder before a run begins.

    Raises:
        GensupError: the folder holds another configuration's run or foreign files, or its run.json is damaged or newer.
    """
    path = folder / RUN
    try:
        found = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    except OSError as error:  # a file of this name, or a folder that may not be read
        refuse(folder, error)
    if RUN in found:
        run = read_run(folder)
        _check_same(run["config"], dict(config), path)
        return run
    foreign = [name for name in found if name not in (LOCK, *beside) and not is_temporary(name)]
    if foreign:
        raise GensupError(
            "the folder holds other files",
            where=str(folder),
            value=", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else ""),
            rule="a new run begins in an empty folder",
            remedy="name another --out",
        )
    begun: dict[str, Json] = {"gensup": version(), "schema": SCHEMA, "config": dict(config)}
    write_json(path, begun)
    # As read and not as given: a tuple of the configuration is a list from the first moment on.
    return read_run(folder)


def read_run(folder: Path) -> dict[str, Json]:
    """What a folder's run.json says; GensupError when it is missing, damaged or newer."""
    path = folder / RUN
    run = read_json(path)
    if not isinstance(run, dict) or not isinstance(run.get("config"), dict):
        raise GensupError("not a run.json of gensup", where=str(path), remedy=_REMEDY)
    check_schema(run.get("schema"), str(path), run.get("gensup"))
    return run


def update_run(folder: Path, **sections: Json) -> dict[str, Json]:
    """Add sections (a verdict, seeds, a fingerprint) to run.json, or replace them; what it says then."""
    for name in _OWN:
        if name in sections:
            raise ValueError(f"{name!r} is fixed when a run begins")
    run = read_run(folder) | sections
    write_json(folder / RUN, run)
    return run


def _check_same(old: Json, new: Json, path: Path) -> None:
    before, now = dict(_leaves(old)), dict(_leaves(new))
    differing = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    if not differing:
        return
    shown = [f"{key} = {before.get(key, 'absent')}, now {now.get(key, 'absent')}" for key in differing[:_SHOWN]]
    more = f", and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    raise GensupError(
        "a run of another configuration", where=str(path), rule="there " + "; ".join(shown) + more, remedy=_REMEDY
    )


def _leaves(node: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, canonical JSON) of everything below a mapping that is no mapping itself."""
    if isinstance(node, dict) and (node or not prefix):
        for key, value in node.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, encode(node, prefix).decode()
