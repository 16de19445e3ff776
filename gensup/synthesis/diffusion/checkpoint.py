"""A checkpoint on disk: found by path or on the hub, told apart from others, and refused before a weight is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.store import check_schema, read_json, sha256_file
from gensup.synthesis.diffusion.family import FAMILIES
from gensup.synthesis.diffusion.weights import PICKLED, check_safetensors, weight_files

if TYPE_CHECKING:
    from gensup.clip import Json

LICENCES: Mapping[str, str] = {"cvssp/audioldm": "cc-by-nc-sa-4.0"}
"""Of the published weights by the beginning of their name on the hub, for folders whose card did not travel along."""

LIBRARIES = (
    "diffusers",
    "transformers",
    "audioldm2",
)  # the last is diffusers' own: a class that stands beside a pipeline
_FETCHED = ["*.json", "*.txt", "*.model", "*.safetensors", "README.md"]
_VARIANTS = ["*.fp16.*", "*.bf16.*", "*.non_ema.*"]  # weights for which nobody asked
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORTEST_PIN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a model lies, and everything that is stamped on what it makes."""

    folder: Path  # of the whole checkpoint; that of the base where there are adapters
    name: str  # as it was asked for
    revision: str  # the hub's commit, or SHA-256 of what is loaded
    licence: str
    family: str
    adapters: Path | None = None  # a folder that `gensup finetune` left


def open_checkpoint(
    model: str, revision: str | None = None, *, family: str | None = None, offline: bool = False
) -> Checkpoint:
    """Find a checkpoint and look it over. No weight is loaded, and nothing is fetched when it lies here.

    Args:
        model: a folder (a checkpoint's, or a fine-tuning's), or a name on the hub such as ``owner/name``.
        revision: the hub's commit, tag or branch; for a folder what it is to be (its beginning will do).
        family: the one that it must be of.
        offline: take what lies in the hub's cache.

    Raises:
        GensupError: it is not there, is partial or damaged, holds weights as pickles only, names classes of other
            libraries, is of another family or revision, or cannot be fetched.
    """
    place = Path(model).expanduser()
    if place.is_dir():
        found = _adapted(place, model, offline) if (place / "adapter.json").is_file() else _local(place, model)
        if revision is not None and not _same_revision(found.revision, revision):
            raise GensupError(
                "another revision",
                where=model,
                value=revision,
                rule=f"this folder is {found.revision}",
                remedy=f"at least {_SHORTEST_PIN} digits of it, or leave --revision out",
            )
    elif place.exists():
        raise _a_file(place)
    else:
        found = _local(_fetched(model, revision, offline), model)
    if family is not None and found.family != family:
        remedy = f"--generator {found.family}, or another --model"
        raise GensupError("a checkpoint of another family", where=model, value=found.family, rule=family, remedy=remedy)
    return found


def read_config(path: Path) -> dict[str, Json]:
    """A configuration; GensupError where the file is missing, damaged or no mapping."""
    row = read_json(path)
    if not isinstance(row, dict):
        raise GensupError("no configuration", where=str(path), rule="a JSON object", remedy="fetch it again")
    return row


def _local(folder: Path, name: str) -> Checkpoint:
    folder = folder.resolve()
    index = folder / "model_index.json"
    if not index.is_file():
        pickled = sorted(path.name for path in folder.glob("*") if path.suffix in PICKLED)
        if pickled:
            raise _a_file(folder / pickled[0])
        raise GensupError(
            "no checkpoint",
            where=str(folder),
            rule="a folder of diffusers with model_index.json, or one that gensup finetune left",
            remedy="name the folder above its unet/",
        )
    row = read_config(index)
    family = _family(row, index)
    files = [index]
    for part, classes in family.parts.items():
        _check_class(row.get(part), part, classes, index)
        files += _files_of(folder, part, _conversion(name, str(row["_class_name"])))
    _check_libraries(row, index)
    return Checkpoint(
        folder=folder,
        name=name,
        revision=_commit_of(folder) or _fingerprint(folder, files),
        licence=_licence(folder, name),
        family=family.name,
    )


def _family(row: Mapping[str, Json], index: Path) -> Any:
    known = {member.pipeline: member for member in map(FAMILIES.load, FAMILIES.names())}
    pipeline = str(row.get("_class_name"))
    if pipeline not in known:
        raise unknown("pipeline", pipeline, tuple(known), where=str(index))
    return known[pipeline]


def _check_class(entry: Json, part: str, classes: tuple[str, ...], index: Path) -> None:
    """One of the classes that the family knows: what is named here decides what code is run."""
    if not isinstance(entry, list) or len(entry) != 2 or entry == [None, None]:
        rule = "a library and a class"
        raise GensupError("names no class", where=f"{index} ({part})", value=str(entry), rule=rule)
    library, name = entry
    if library not in LIBRARIES or (classes and name not in classes):
        raise GensupError(
            "a class that is not loaded",
            where=f"{index} ({part})",
            value=f"{library}.{name}",
            rule=f"{' or '.join(classes) or 'a class'} of diffusers or transformers",
            remedy="nothing else's code is run",
        )


def _check_libraries(row: Mapping[str, Json], index: Path) -> None:
    for part, entry in row.items():
        if isinstance(entry, list) and entry[:1] != [None] and entry[0] not in LIBRARIES:
            _check_class(entry, part, (), index)


def _files_of(folder: Path, part: str, conversion: str) -> Iterator[Path]:
    """All that is loaded of a component."""
    place = folder / part
    if not place.is_dir():
        raise GensupError("a component is missing", where=str(place), remedy="fetch the checkpoint again")
    if part.startswith("tokenizer"):
        files = sorted(path for path in place.iterdir() if path.suffix in {".json", ".txt", ".model"})
        if not any(path.name in {"tokenizer.json", "vocab.json", "spiece.model"} for path in files):
            rule = "tokenizer.json, vocab.json or spiece.model"
            raise GensupError("no vocabulary", where=str(place), rule=rule, remedy="fetch the checkpoint again")
        yield from files
        return
    config = place / ("scheduler_config.json" if part == "scheduler" else "config.json")
    if not config.is_file():
        raise GensupError("a configuration is missing", where=str(config), remedy="fetch the checkpoint again")
    yield config
    if part != "scheduler":
        yield from weight_files(place, conversion)


def _conversion(name: str, pipeline: str) -> str:
    return (
        f"""where you trust it: python -c "from diffusers import {pipeline} as P; P.from_pretrained({name!r}, """
        """use_safetensors=False).save_pretrained('converted', safe_serialization=True)", then --model converted"""
    )


def _a_file(path: Path) -> GensupError:
    if path.suffix in PICKLED:
        return GensupError(
            "a pickled checkpoint",
            where=str(path),
            rule="a folder of diffusers with safetensors: a pickle runs whatever code it holds",
            remedy="where you trust it, convert it with scripts/convert_original_audioldm_to_diffusers.py of diffusers "
            "(convert_original_audioldm2_to_diffusers.py for AudioLDM2)",
        )
    return GensupError("a file", where=str(path), rule="the folder of a checkpoint", remedy="name its folder")


def _commit_of(folder: Path) -> str | None:
    """That of a snapshot in the hub's cache, where a model is the same by its name and by its path."""
    cached = folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--")
    return folder.name if cached and _COMMIT.fullmatch(folder.name) else None


def _fingerprint(folder: Path, files: list[Path]) -> str:
    """SHA-256 over the names, sizes and bytes of what is loaded; some seconds for a model of some gigabytes."""
    total = sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size} {sha256_file(path)}\n".encode())
    return total.hexdigest()


def _same_revision(found: str, asked: str) -> bool:
    return found == asked or (len(asked) >= _SHORTEST_PIN and found.startswith(asked))


def _licence(folder: Path, name: str) -> str:
    """What the model's card says; of published models what is known of them."""
    card = folder / "README.md"
    head = card.read_text(encoding="utf-8", errors="replace").partition("\n---")[0] if card.is_file() else ""
    said = dict(re.findall(r"^(license|license_name): *['\"]?([\w.+-]+)", head, re.MULTILINE)) if head else {}
    licence: str = said.get("license", "")
    if licence == "other":
        licence = said.get("license_name", "other")
    known = next((value for start, value in LICENCES.items() if name.startswith(start)), None)
    return licence or known or "unknown: see the model's card"


def _fetched(name: str, revision: str | None, offline: bool) -> Path:
    """The folder of a snapshot of the hub."""
    if not _HUB_NAME.fullmatch(name) or ".." in name or "--" in name:
        raise GensupError(
            "no such folder", where="--model", value=name, rule="a folder, or a name on the hub as owner/name"
        )
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    pinned = f" --revision {revision}" if revision else ""
    fetch = f"where there is a network: hf download {name}{pinned} --local-dir DIR, then --model DIR"
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=_FETCHED,
                ignore_patterns=_VARIANTS,
                local_files_only=offline or constants.HF_HUB_OFFLINE,
            )
        )
    except GatedRepoError:
        raise GensupError(
            "a gated model", where=name, remedy="accept its terms on the hub, then hf auth login"
        ) from None
    except RevisionNotFoundError:
        raise GensupError("no such revision", where=name, value=revision, remedy="see the model's history") from None
    except RepositoryNotFoundError:
        raise GensupError(
            "no such model on the hub", where=name, remedy="mind the spelling, or hf auth login"
        ) from None
    except (OSError, ValueError) as error:  # no network, no such file in the cache, a full disk
        if offline or constants.HF_HUB_OFFLINE:
            raise GensupError(
                "not in the hub's cache, or not all of it", where=name, rule="nothing is fetched offline", remedy=fetch
            ) from error
        raise GensupError("could not be fetched", where=name, value=str(error)[:300], remedy=fetch) from error


def _adapted(folder: Path, name: str, offline: bool) -> Checkpoint:
    """A base with what a fine-tuning made of it."""
    folder = folder.resolve()
    path = folder / "adapter.json"
    row = read_config(path)
    check_schema(row.get("schema"), str(path), row.get("gensup"))
    base = row.get("base")
    if row.get("kind") not in {"lora", "full"} or not isinstance(base, dict):
        rule = "kind (lora or full) and base"
        raise GensupError("says too little", where=str(path), rule=rule, remedy="name the folder gensup finetune left")
    check_safetensors(folder / "adapter.safetensors")
    found = _base(base, path, offline)
    if row.get("family") != found.family:
        value, rule = str(row.get("family")), f"its base is {found.family}"
        raise GensupError("an adapter of another family", where=str(path), value=value, rule=rule)
    made = sha256(f"{found.revision} {sha256_file(path)} {sha256_file(folder / 'adapter.safetensors')}".encode())
    licence = row.get("licence")
    return replace(
        found,
        name=name,
        revision=made.hexdigest(),
        licence=licence if isinstance(licence, str) and licence else found.licence,
        adapters=folder,
    )


def _base(base: Mapping[str, Json], path: Path, offline: bool) -> Checkpoint:
    name, revision, folder = (base.get(key) for key in ("name", "revision", "folder"))
    if not isinstance(name, str) or not isinstance(revision, str):
        raise GensupError("says no base", where=str(path), rule="base.name and base.revision")
    if isinstance(folder, str) and (Path(folder) / "model_index.json").is_file():
        found = _local(Path(folder), name)
    elif Path(name).expanduser().is_dir():
        found = _local(Path(name).expanduser(), name)
    else:
        try:
            found = _local(_fetched(name, revision if _COMMIT.fullmatch(revision) else None, offline), name)
        except GensupError as error:
            remedy = f"put it back, or write where it is into {path} (base.folder)"
            raise GensupError("its base is not there", where=str(path), value=str(error), remedy=remedy) from error
    if found.revision != revision:
        raise GensupError(
            "its base is another one now",
            where=str(path),
            value=f"{found.folder}: {found.revision}",
            rule=f"it was trained on {revision}",
            remedy="write where that one is into base.folder",
        )
    return found
