"""Weights that others trained: a folder of the user's, checked by SHA-256, loaded once a process.

A BEATs checkpoint is NAME.safetensors beside NAME.json (``gensup convert`` makes both); every other is a folder NAME in
transformers' layout (config.json, preprocessor_config.json, model.safetensors). Nothing is ever fetched from here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json
from gensup.detection.means import Means
from gensup.detection.parts import STATE, Arrays
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.store.files import read_json, sha256_file

if TYPE_CHECKING:
    import torch

Precision: TypeAlias = Literal["fp32", "bf16"]

OTHER = "a checkpoint of another architecture"
WEIGHTS, CONFIG, FEATURES = "model.safetensors", "config.json", "preprocessor_config.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where weights lie and which they are: small, for it travels to every worker."""

    name: str
    path: Path  # the safetensors file, or the folder that holds one
    sha256: str  # of the weights, and of what belongs to them
    n_parameters: int

    @property
    def weights(self) -> Path:
        return self.path / WEIGHTS if self.path.is_dir() else self.path

    def state(self) -> Arrays:
        """What a detector's file keeps of them."""
        return {"sha256": np.frombuffer(bytes.fromhex(self.sha256), dtype=np.uint8)}

    def check_against(self, file: Path) -> None:
        """Whether a detector's safetensors file was made with these weights.

        Raises:
            GensupError: it was made with others.
        """
        from safetensors import safe_open

        with safe_open(file, framework="numpy") as arrays:
            names = set(arrays.keys())
            made: NDArray[np.generic] = (
                arrays.get_tensor(f"{STATE}sha256") if f"{STATE}sha256" in names else np.empty(0, np.uint8)
            )
        if bytes(made.astype(np.uint8)).hex() != self.sha256:
            raise GensupError(
                "not the weights that the detector was fitted with",
                where=str(self.path),
                value=self.sha256[:16],
                rule=f"SHA-256 {bytes(made.astype(np.uint8)).hex()[:16] or 'of pretrained weights'}...",
                remedy="give the folder with those weights, or fit the detector again",
            )


def find(means: Means, name: str, remedy: str) -> Path:
    """NAME.safetensors or the folder NAME below ``means.weights``.

    Args:
        remedy: how to come by it, for the error.

    Raises:
        GensupError: no folder of weights was given, the name leads out of it, or it is not there.
    """
    if means.weights is None:
        raise GensupError(
            "pretrained weights are needed",
            where="--weights",
            value=name,
            rule="a folder of checkpoints",
            remedy=remedy,
        )
    if Path(name).name != name or name.startswith("."):
        raise GensupError("not the name of a checkpoint", where="frontend.checkpoint", value=name, rule="a bare name")
    file, folder = means.weights / f"{name}.safetensors", means.weights / name
    if file.is_file():
        return file
    if folder.is_dir():
        return folder
    loose = [path.name for path in (means.weights / f"{name}.pt", means.weights / f"{name}.bin") if path.is_file()]
    raise GensupError(
        "the checkpoint is not there",
        where=str(means.weights),
        value=loose[0] if loose else name,
        rule=f"{name}.safetensors with {name}.json, or a folder {name}",
        remedy=f"gensup convert --trust {means.weights / loose[0]} --out {means.weights}" if loose else remedy,
    )


def single_file(means: Means, name: str, kind: str, remedy: str) -> Checkpoint:
    """A checkpoint that ``gensup convert`` made: a file and its description.

    Raises:
        GensupError: not there, or of another kind.
    """
    path = find(means, name, remedy)
    if path.is_dir():
        raise GensupError(
            OTHER,
            where=str(path),
            value="a folder",
            rule=f"a {kind} file",
            remedy=remedy,
        )
    said = description(path)
    if said.get("kind") != kind:
        raise GensupError(OTHER, where=str(path), value=said.get("kind"), rule=kind)
    return Checkpoint(name, path, str(said.get("sha256")), _count(path))


def beats_file(means: Means, name: str) -> Checkpoint:
    """A converted BEATs checkpoint.

    Raises:
        GensupError: not there, or of another kind; it says where to fetch it.
    """
    remedy = (
        f"fetch {name}.pt as github.com/microsoft/unilm/tree/master/beats says, then "
        f"`gensup convert --trust {name}.pt --out {means.weights or 'WEIGHTS'}`, and pass --weights"
    )
    return single_file(means, name, "beats", remedy)


def folder(means: Means, name: str, model_type: str, remedy: str) -> Checkpoint:
    """A checkpoint in transformers' layout; every file that changes its numbers is in its SHA-256.

    Raises:
        GensupError: not there, in pickle's format only, or of another architecture.
    """
    path = find(means, name, remedy)
    if not path.is_dir():
        raise GensupError(OTHER, where=str(path), rule=f"a folder with {CONFIG}", remedy=remedy)
    for needed in (CONFIG, FEATURES):
        if not (path / needed).is_file():
            raise GensupError(
                "a file is missing", where=str(path), value=needed, rule="transformers' layout", remedy=remedy
            )
    config = read_json(path / CONFIG)
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != model_type:
        raise GensupError(OTHER, where=str(path / CONFIG), value=found, rule=model_type)
    if not (path / WEIGHTS).is_file():
        raise GensupError(
            "no weights in safetensors' format",
            where=str(path),
            rule=f"{WEIGHTS} in one file",
            remedy=f"gensup convert --trust {path} --out FOLDER, where it holds pytorch_model.bin",
        )
    sums = [_sum_of(path / part) for part in (WEIGHTS, CONFIG, FEATURES)]
    return Checkpoint(name, path, digest(*sums, size=32), _count(path / WEIGHTS))


def description(weights: Path) -> Mapping[str, Json]:
    """The JSON beside a safetensors file.

    Raises:
        GensupError: not there, or not an object.
    """
    path = weights.with_suffix(".json")
    said = read_json(path)
    if not isinstance(said, dict) or not isinstance(said.get("sha256"), str):
        raise GensupError("not a checkpoint's description", where=str(path), rule="what `gensup convert` writes")
    return said


def arrays_of(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """The weights of a single file, whose bytes are those that its description speaks of.

    Raises:
        GensupError: altered.
    """
    from safetensors.torch import load_file

    if _sum_of(checkpoint.path) != checkpoint.sha256:
        raise GensupError(
            "the weights are not what their description says",
            where=str(checkpoint.path),
            rule=f"SHA-256 {checkpoint.sha256[:16]}...",
            remedy="convert the checkpoint again",
        )
    return load_file(checkpoint.path)


class _Loaded:
    """The models of this process: two, for none asks for more at a time and one may weigh a gigabyte."""

    MOST: ClassVar[int] = 2

    def __init__(self) -> None:
        self._lock = RLock()
        self._models: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def get(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._models:
                while len(self._models) >= self.MOST:
                    self._models.popitem(last=False)
                self._models[key] = make()
            self._models.move_to_end(key)
            return self._models[key]


_loaded, _sums = _Loaded(), dict[tuple[str, int, int], str]()
_summing = RLock()


def once(checkpoint: Checkpoint, where: str, precision: Precision, make: Callable[[], Any]) -> Any:
    """The model of a checkpoint on a device, in a precision: made by ``make`` when this process has none yet."""
    return _loaded.get((str(checkpoint.path), checkpoint.sha256, where, precision), make)


def _sum_of(path: Path) -> str:
    """SHA-256 of a file, read once a process unless it has changed since."""
    status = path.stat()
    key = str(path), status.st_mtime_ns, status.st_size
    with _summing:
        if key not in _sums:
            _sums[key] = sha256_file(path)
        return _sums[key]


def _count(path: Path) -> int:
    """Numbers in a safetensors file, by its header alone."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return int(sum(np.prod(file.get_slice(name).get_shape(), dtype=np.int64) for name in file.keys()))  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise GensupError(
            "the weights cannot be read", where=str(path), value=str(error), remedy="fetch or convert them again"
        ) from None
