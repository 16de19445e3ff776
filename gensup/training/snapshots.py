"""Where a training stands, on disk: a folder that is whole or not there, of tensors and JSON and no pickles."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.store import SCHEMA, check_schema, read_json, write_json
from gensup.store.files import refuse, sync_folder

if TYPE_CHECKING:
    from torch import Tensor

    from gensup.clip import Json

STATE = "state.json"
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tensors by group (weights, ema, optimizer ...) and name, and what else is known."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    facts: Mapping[str, Json]


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Write a folder beside its place, then put it there; on any error it is removed and the old one stays.

    Raises:
        GensupError: it cannot be written, or the disk is full.
    """
    beside = folder.with_name(f".{folder.name}{_PARTIAL}")
    try:
        rmtree(beside, ignore_errors=True)  # of a writer that was killed
        beside.mkdir(parents=True)
        yield beside
        for path in sorted(beside.rglob("*")):
            _sync(path)
        sync_folder(beside)
        if folder.exists():
            rmtree(folder)
        beside.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        rmtree(beside, ignore_errors=True)
        refuse(folder, error)
    except BaseException:
        rmtree(beside, ignore_errors=True)
        raise


def write(folder: Path, snapshot: Snapshot) -> None:
    """Write a snapshot, whole or not at all; GensupError when that cannot be done."""
    with whole(folder) as beside:
        for group, tensors in snapshot.tensors.items():
            save_tensors(beside / f"{group}.safetensors", tensors)
        head: dict[str, Json] = {"schema": SCHEMA}
        write_json(beside / STATE, head | dict(snapshot.facts))


def read(folder: Path, groups: Mapping[str, Mapping[str, tuple[int, ...]]]) -> Snapshot:
    """Read a snapshot back.

    Args:
        groups: the tensors it must hold: group -> name -> shape.

    Raises:
        GensupError: damaged, of a newer gensup, or of another model.
    """
    facts = read_json(folder / STATE)
    if not isinstance(facts, dict):
        raise _damaged(folder / STATE, "not a JSON object")
    check_schema(facts.get("schema"), str(folder / STATE))
    tensors = {}
    for group, shapes in groups.items():
        path = folder / f"{group}.safetensors"
        tensors[group] = load_tensors(path)
        found = {name: tuple(value.shape) for name, value in tensors[group].items()}
        if found != shapes:
            odd = sorted(name for name in found.keys() | shapes.keys() if found.get(name) != shapes.get(name))
            raise _damaged(path, f"{len(odd)} tensors are not those of this model, {odd[0]} among them")
    return Snapshot(tensors, facts)


def newest(folder: Path) -> Path | None:
    """The snapshot of the latest step below a folder, if there is one; what killed writers left is removed."""
    for left in folder.glob(f".*{_PARTIAL}"):
        rmtree(left, ignore_errors=True)
    return max((path for path in folder.glob("step-*") if (path / STATE).is_file()), default=None)


def named(folder: Path, step: int) -> Path:
    """Where the snapshot of a step stands; names sort as steps do."""
    return folder / f"step-{step:09d}"


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """A safetensors file on its own; GensupError when the disk is full."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in sorted(tensors.items())}, path)
    except SafetensorError as error:
        raise GensupError(
            "cannot be written", where=str(path), value=str(error), remedy="free some space; the same command continues"
        ) from None


def load_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file's tensors on the CPU; GensupError when it is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        loaded: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, str(error)) from None
    return loaded


def _damaged(path: Path, value: str) -> GensupError:
    return GensupError(
        "a damaged checkpoint", where=str(path), value=value, remedy="remove its folder to begin at an earlier one"
    )


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    with path.open("rb+") as file:
        os.fsync(file.fileno())
