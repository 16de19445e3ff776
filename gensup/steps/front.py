"""A frontend that was trained once on several machines, in a folder of its own: frontend.safetensors and its record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, cast

from pydantic import Field

from gensup.clip import Json
from gensup.detection.means import TRAINED
from gensup.detection.parts import STATE, FittedFrontend, Params
from gensup.detection.recipe import Recipe, build
from gensup.detection.saved import Rate, SavedChannel, checked, verified
from gensup.errors import GensupError
from gensup.steps.recordings import Recordings
from gensup.steps.seal import checksum
from gensup.store import SCHEMA, check_schema, read_json, write_bytes, write_json
from gensup.store.schema import version as gensup_version

RECORD = "frontend.json"
OPTION = "--frontend"
SLOT = "frontend."


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What a trained frontend is, and what it heard."""

    folder: Path
    recipe: str
    params: dict[str, Json]  # of its slot: "frontend.kind", ...
    version: int  # of the frontend's code
    machines: tuple[str, ...]
    keys: tuple[str, ...]  # SHA-256 of the decoded audio of the clips that it was trained on
    labels: tuple[str, ...]  # as it was given them, clip by clip
    noise: tuple[str, ...] = ()  # SHA-256 of the decoded noise that it was trained with
    rate: Rate  # Hz
    channel: SavedChannel
    seed: int
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # of frontend.safetensors

    @property
    def file(self) -> Path:
        return self.folder / TRAINED

    def adopted(self, recipe: Recipe) -> Recipe:
        """``recipe`` with this frontend in the place of its own, about which nothing is asked any more.

        Raises:
            GensupError: the recipe's frontend is of another kind.
        """
        if recipe.default["frontend.kind"] != self.params["frontend.kind"]:
            raise GensupError(
                "another kind of frontend",
                where=OPTION,
                value=self.params["frontend.kind"],
                rule=f"{recipe.name} has {recipe.default['frontend.kind']}",
                remedy="tune them in runs of their own, or leave --frontend out",
            )
        others = {path: value for path, value in recipe.default.items() if not path.startswith(SLOT)}
        space = {path: axis for path, axis in recipe.space.items() if not path.startswith(SLOT)}
        return replace(recipe, default={**self.params, **others}, space=space)

    def check_params(self, recipe: Recipe, params: Params) -> None:
        """Raise GensupError if ``params`` describe a frontend that this one is not."""
        wanted = build(params).frontend
        if not wanted.trained:
            raise GensupError(
                "nothing to use a trained frontend for",
                where=OPTION,
                value=str(self.folder),
                rule=f"the frontend of {recipe.name}, {params['frontend.kind']}, is not trained",
                remedy="leave --frontend out",
            )
        placeholder = {path: value for path, value in params.items() if not path.startswith(SLOT)}
        own = build({**placeholder, **self.params}).frontend
        if own == wanted:
            return
        differing = [
            f"{field.name} = {getattr(own, field.name)}, wanted {getattr(wanted, field.name)}"
            for field in (fields(own) if type(own) is type(wanted) else ())  # type: ignore[arg-type]
            if getattr(own, field.name) != getattr(wanted, field.name)
        ] or [f"kind = {own.name}, wanted {wanted.name}"]
        raise GensupError(
            "another frontend than the recipe's",
            where=OPTION,
            value=f"{self.folder}: {'; '.join(differing)}",
            rule="a detector's frontend is trained with the detector's values",
            remedy="give the same --set frontend... values, or train another with `gensup train`",
        )

    def check_sound(self, recordings: Recordings) -> None:
        """Raise GensupError if the recordings are heard at another rate or through another channel."""
        for what in ("rate", "channel"):
            if getattr(recordings, what) != getattr(self, what):
                raise GensupError(
                    f"another {what} than the frontend's",
                    where=OPTION,
                    value=f"{getattr(recordings, what)}, it heard {getattr(self, what)}",
                    rule="a frontend hears what it was trained on",
                    remedy="train one on recordings like these",
                )

    def heard(self, recordings: Recordings) -> int:
        """How many of these clips it was trained on."""
        known = set(self.keys)
        return sum(member.key in known for member in recordings.members)

    def check_unheard(self, recordings: Recordings) -> None:
        """Raise GensupError if it was trained on clips that are to judge it."""
        known = self.heard(recordings)
        if known:
            raise GensupError(
                "this frontend has heard the clips that are to judge it",
                where=OPTION,
                value=f"{known} of {len(recordings.members)} normal clips of {recordings.machine}",
                rule="what chooses a detector stays out of its training",
                remedy="leave --frontend out: a frontend is trained then without the clips of each fold; or train one "
                f"with --machines that leave {recordings.machine} out",
            )

    def described(self) -> dict[str, Json]:
        """For run.json."""
        return {"frontend": {"sha256": self.sha256, "recipe": self.recipe, "machines": list(self.machines)}}


def read(folder: Path) -> Front:
    """The frontend of a folder that ``gensup train`` wrote.

    Raises:
        GensupError: none there, not finished, damaged, or written by a newer gensup.
    """
    path = folder / RECORD
    if not path.is_file():
        raise GensupError(
            "no trained frontend here",
            where=str(folder),
            rule=f"a folder with {RECORD} and {TRAINED}",
            remedy="name the folder of a `gensup train`; one that was interrupted continues by the same command",
        )
    content = read_json(path)
    if not isinstance(content, dict):
        raise GensupError("not a record of a frontend", where=str(path), remedy="train it again")
    check_schema(content.get("schema"), str(path), content.get("gensup"))
    if content.pop("checksum", None) != checksum(content):  # what it heard guards those who judge it
        raise GensupError(
            "the record of the frontend was altered",
            where=str(path),
            rule="its checksum stands in it",
            remedy="train it again",
        )
    front: Front = checked(Front, {**content, "folder": str(folder)}, path)
    verified(front.file, front.sha256, "arrays of the frontend")
    now = build({**front.params, **_ANY}).frontend.version
    if now != front.version:
        raise GensupError(
            "a frontend of another version",
            where=str(path),
            value=front.version,
            rule=f"this gensup makes version {now}",
            remedy="train it again",
        )
    return front


def write(front: Front, arrays: bytes) -> None:
    """Its two files, the record last."""
    write_bytes(front.file, arrays)
    said = cast("dict[str, Json]", asdict(front))
    del said["folder"]
    said = {"schema": SCHEMA, "gensup": gensup_version(), **said}
    write_json(front.folder / RECORD, {**said, "checksum": checksum(said)})


def arrays_of(fitted: FittedFrontend) -> bytes:
    """frontend.safetensors: the same names as in a detector's file."""
    import numpy as np
    from safetensors.numpy import save

    return save({f"{STATE}{name}": np.ascontiguousarray(array) for name, array in fitted.state().items()})


# The cheapest chain around a frontend, for whoever asks about the frontend alone.
_ANY: dict[str, Json] = {"pooling.kind": "mean", "backend.kind": "knn"}
