"""What frontends need beside the target's clips, as the user says it: pretrained weights, other machines, a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.clip import Json
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.recipe import Recipe
from gensup.engine import Engine
from gensup.rng import digest
from gensup.steps.front import Front, read
from gensup.steps.material import others
from gensup.steps.progress import Progress
from gensup.steps.recordings import Recordings
from gensup.store import ArrayCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Options of every command that fits or scores; None where the user said nothing."""

    weights: Path | None = None  # folder of pretrained checkpoints
    device: str | None = None
    frontend: Path | None = None  # a folder that `gensup train` wrote
    cache: Path | None = None

    def front(self) -> Front | None:
        """The trained frontend that is to be used.

        Raises:
            GensupError: see ``front.read``.
        """
        return None if self.frontend is None else read(Path(self.frontend))

    def means(self, folder: Path | None = None, heard: Examples | None = None) -> Means:
        """For ``detection``.

        Args:
            folder: where frontends that are trained now are kept.
            heard: clips of other machines.
        """
        return Means(
            cache=ArrayCache(Path(self.cache)) if self.cache else None,
            weights=None if self.weights is None else Path(self.weights),
            trained=None if self.frontend is None else Path(self.frontend),
            others=heard,
            folder=folder,
            device=self.device,
        )

    def others(
        self,
        recipes: Sequence[Recipe],
        root: Path,
        like: Recordings,
        *,
        out: Path,
        skip_bad: bool,
        engine: Engine,
        progress: Progress,
        pattern: str | None = None,
        attributes: Path | None = None,
    ) -> Examples | None:
        """Clips of the other machines, where a frontend is trained on them now.

        Raises:
            GensupError: see ``material.others``.
        """
        if self.frontend is not None or not any(recipe.trained and recipe.train_on == "all" for recipe in recipes):
            return None
        return others(
            root, like, out=out, skip_bad=skip_bad, engine=engine, progress=progress, pattern=pattern,
            attributes=attributes,
        )  # fmt: skip


def described(front: Front | None, heard: Examples | None) -> dict[str, Json]:
    """For run.json: nothing where no frontend is trained."""
    said: dict[str, Json] = {} if front is None else front.described()
    if heard is not None:
        said["others"] = {"clips": len(heard), "fingerprint": digest(list(heard.key), list(heard.label or ()))}
    return said
