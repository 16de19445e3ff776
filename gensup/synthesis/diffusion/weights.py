"""Which files of a component hold its weights, and that they are whole safetensors: found without loading one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.store import read_json

if TYPE_CHECKING:
    from gensup.clip import Json

NAMES = ("diffusion_pytorch_model", "model")  # of diffusers, of transformers
PICKLED = (".bin", ".ckpt", ".pt", ".pth")
_MOST_HEADER = 100_000_000  # bytes; safetensors itself reads no longer one
_POINTER = b"version https://git-lfs"


def weight_files(folder: Path, conversion: str) -> tuple[Path, ...]:
    """The safetensors files of a component's folder, each checked to be as long as its header says.

    Args:
        conversion: what to do about pickled weights, which run whatever code they hold and are never loaded.

    Raises:
        GensupError: none is there, only pickled ones are, one is missing, cut short, or no safetensors.
    """
    whole = [folder / f"{name}.safetensors" for name in NAMES]
    sharded = [folder / f"{name}.safetensors.index.json" for name in NAMES]
    if found := next((path for path in whole if path.is_file()), None):
        files: tuple[Path, ...] = (found,)
    elif index := next((path for path in sharded if path.is_file()), None):
        files = tuple(sorted(_shards(index)))
    elif pickled := sorted(path.name for path in folder.glob("*") if path.suffix in PICKLED):
        raise GensupError(
            "pickled weights",
            where=str(folder),
            value=", ".join(pickled),
            rule="safetensors only: a pickle runs whatever code it holds",
            remedy=conversion,
        )
    else:
        remedy = f"fetch the checkpoint again; if it comes pickled only, convert it: {conversion}"
        raise GensupError("no weights", where=str(folder), rule=" or ".join(path.name for path in whole), remedy=remedy)
    for file in files:
        check_safetensors(file)
    return files


def check_safetensors(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a file that is as long as its header says.

    Raises:
        GensupError: not so, or the file cannot be read.
    """
    return {name: tuple(entry["shape"]) for name, entry in _header(path)}


def _header(path: Path) -> Iterator[tuple[str, dict[str, list[int]]]]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            header = start if length > min(_MOST_HEADER, size) else file.read(length)
    except OSError as error:
        raise GensupError("cannot be read", where=str(path), value=error.strerror, remedy="name another one") from None
    if start and _POINTER.startswith(start):
        raise GensupError("a Git LFS pointer, no weights", where=str(path), remedy="git lfs pull")
    try:
        entries = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        shapes = all(isinstance(side, int) for entry in entries.values() for side in entry["shape"])
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError, IndexError):
        entries, end, shapes = {}, -1, False
    if not shapes or size != 8 + length + end:
        raise GensupError(
            "no whole safetensors file",
            where=str(path),
            value=f"{size} bytes",
            rule=f"its header says {8 + length + end}" if shapes else "begins with a header",
            remedy="the download broke off, or the file is damaged: fetch it again",
        )
    return iter(entries.items())


def _shards(index: Path) -> set[Path]:
    row = read_json(index)
    shards: Json = row.get("weight_map") if isinstance(row, dict) else None
    names = list(shards.values()) if isinstance(shards, dict) else []
    for name in names:
        if not isinstance(name, str) or name != Path(name).name or not name.endswith(".safetensors"):
            raise GensupError("not a file beside the index", where=str(index), value=str(name))
    if not names:
        raise GensupError("names no weights", where=str(index), remedy="fetch it again")
    return {index.parent / str(name) for name in names}
