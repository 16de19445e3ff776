"""Checkpoints in pickle's format made safetensors: Microsoft's BEATs files, and transformers' folders."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensup.clip import Json
from gensup.detection.pretrained import CONFIG, WEIGHTS
from gensup.errors import GensupError
from gensup.store import SCHEMA, atomic, write_json
from gensup.store.files import sha256_file

if TYPE_CHECKING:
    import torch

PICKLED = "pytorch_model.bin"
SHARED_BIAS = "self_attn.relative_attention_bias.weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A checkpoint that a frontend can be given."""

    path: Path  # the safetensors file
    name: str  # what a recipe's frontend.checkpoint says
    kind: str
    sha256: str
    n_parameters: int
    source_sha256: str
    whole_pickle: bool  # code in the file was allowed to run: its format is not the restricted one
    dropped: tuple[str, ...]  # arrays that no frontend uses


def convert(source: Path, out: Path, *, trust: bool, licence: str, name: str | None = None) -> Converted:
    """Write OUT/NAME.safetensors and OUT/NAME.json of a BEATs file, or the folder OUT/NAME of a transformers' one.

    Raises:
        GensupError: not trusted, unreadable, or no checkpoint that a frontend knows.
    """
    if not trust:
        raise GensupError(
            "refused to open a pickled checkpoint",
            where=str(source),
            rule="reading it can run code that its maker put there",
            remedy="if you trust where it came from, compare its SHA-256 and pass --trust",
        )
    if source.is_dir():
        return _folder(source, out, licence, name or source.resolve().name)
    name = name or source.stem
    if Path(name).name != name or name.startswith("."):
        raise GensupError("not the name of a checkpoint", where="--name", value=name, rule="a bare name")
    content, whole = _unpickled(source)
    if not isinstance(content, Mapping) or not {"cfg", "model"} <= content.keys():
        keys = ", ".join(map(str, list(content)[:6])) if isinstance(content, Mapping) else type(content).__name__
        raise GensupError("no BEATs checkpoint", where=str(source), value=keys, rule="it holds cfg and model")
    return _beats(source, content, whole, out, licence, name)


def beats_arrays(model: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Microsoft's arrays (or speechbrain's) under our names, and the names of those that are left out.

    Raises:
        GensupError: something among them is no array.
    """
    arrays, dropped = {}, []
    for name, array in model.items():
        if not hasattr(array, "detach"):
            raise GensupError("not an array", where=name, value=type(array).__name__, rule="a state dict")
        if name.startswith("predictor"):
            dropped.append(name)
            continue
        if name.endswith(SHARED_BIAS):
            name = "encoder.relative_attention_bias.weight"  # under every layer the same tensor
        name = name.replace("encoder.pos_conv.0.", "encoder.pos_conv.")
        name = name.replace("parametrizations.weight.original0", "weight_g")
        name = name.replace("parametrizations.weight.original1", "weight_v")
        arrays[name] = array.detach().contiguous().clone()
    return arrays, tuple(dropped)


def _beats(source: Path, content: Mapping[str, Any], whole: bool, out: Path, licence: str, name: str) -> Converted:
    from safetensors.torch import save_file

    from gensup.detection.networks.beats import BeatsConfig, from_checkpoint

    if not isinstance(content["cfg"], Mapping) or not isinstance(content["model"], Mapping):
        raise GensupError("no BEATs checkpoint", where=str(source), rule="cfg and model are mappings")
    config = BeatsConfig.of(content["cfg"], str(source))
    arrays, dropped = beats_arrays(content["model"])
    said: dict[str, Json] = {"cfg": config.described()}
    from_checkpoint(arrays, said, str(source))  # refuses what it could not be loaded as
    path, came = out / f"{name}.safetensors", sha256_file(source)
    with atomic(path) as temporary:
        save_file(arrays, temporary)
    sha256 = sha256_file(path)
    said |= {
        "schema": SCHEMA,
        "kind": "beats",
        "sha256": sha256,
        "source": {"file": source.name, "sha256": came},
        "licence": licence,
        "dropped": list(dropped),
    }
    write_json(path.with_suffix(".json"), said)
    return Converted(
        path=path,
        name=name,
        kind="beats",
        sha256=sha256,
        n_parameters=sum(array.numel() for array in arrays.values()),
        source_sha256=came,
        whole_pickle=whole,
        dropped=dropped,
    )


def _folder(source: Path, out: Path, licence: str, name: str) -> Converted:
    """The same folder with model.safetensors in the place of pytorch_model.bin."""
    from safetensors.torch import save_file

    from gensup.store import read_json

    pickled = source / PICKLED
    for needed in (pickled, source / CONFIG):
        if not needed.is_file():
            raise GensupError(
                "not a checkpoint of transformers", where=str(source), value=needed.name, rule="it is missing"
            )
    config = read_json(source / CONFIG)
    content, whole = _unpickled(pickled)
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(hasattr(array, "numel") for array in content.values())
    ):
        raise GensupError("no arrays by name", where=str(pickled), rule="a state dict in one file")
    arrays = {str(key): array.detach().contiguous().clone() for key, array in content.items()}
    target = out / name
    for path in sorted(source.glob("*.json")):
        if (target / path.name).resolve() != path.resolve():
            with atomic(target / path.name) as temporary:
                shutil.copyfile(path, temporary)
    with atomic(target / WEIGHTS) as temporary:
        save_file(arrays, temporary, metadata={"format": "pt"})
    came, sha256 = sha256_file(pickled), sha256_file(target / WEIGHTS)
    kind = str(config.get("model_type")) if isinstance(config, dict) else "unknown"
    write_json(
        target / "gensup.json",
        {
            "schema": SCHEMA,
            "kind": kind,
            "sha256": sha256,
            "source": {"file": f"{source.name}/{PICKLED}", "sha256": came},
            "licence": licence,
        },
    )
    return Converted(
        path=target / WEIGHTS,
        name=name,
        kind=kind,
        sha256=sha256,
        n_parameters=sum(array.numel() for array in arrays.values()),
        source_sha256=came,
        whole_pickle=whole,
        dropped=(),
    )


def _unpickled(path: Path) -> tuple[Any, bool]:
    """A trusted file's content, and whether its code had to be allowed to run.

    Raises:
        GensupError: no pickled checkpoint.
    """
    import pickle

    import torch

    if not path.is_file():
        raise GensupError("no such file", where=str(path), remedy="check the path")
    try:
        return torch.load(path, map_location="cpu", weights_only=True), False
    except pickle.UnpicklingError:
        pass  # objects beside arrays, or no pickle
    except Exception as error:  # a file that is no pickle at all stops the reader anywhere
        raise _unreadable(path, error) from None
    try:
        return torch.load(path, map_location="cpu", weights_only=False), True
    except Exception as error:  # whatever the file's own code raises
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> GensupError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return GensupError("the checkpoint cannot be read", where=str(path), value=first[:120], remedy="fetch it again")
