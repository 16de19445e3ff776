"""What frontends need beside the target's clips, as the user says it: pretrained weights, other machines, a place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.noise import Noise
from gensup.detection.parts import Params
from gensup.detection.recipe import Recipe
from gensup.engine import Engine
from gensup.rng import digest
from gensup.steps import noise as noises
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
    noise: Path | None = None  # a folder of noise
    noise_channel: Channel | None = None  # of the training clips, which heard noise

    def front(self) -> Front | None:
        """The trained frontend that is to be used.

        Raises:
            GensupError: see ``front.read``.
        """
        return None if self.frontend is None else read(Path(self.frontend))

    def means(self, folder: Path | None = None, heard: Examples | None = None, noise: Noise | None = None) -> Means:
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
            noise=noise,
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

    def check_noise(self, candidates: Iterable[Params]) -> None:
        """Raise GensupError if noise is given and no candidate's frontend is trained with any now."""
        self._noise.check(self._noise.wanted(candidates, self.frontend is None))

    @property
    def _noise(self) -> noises.Asked:
        return noises.Asked(folder=self.noise, channel=self.noise_channel)

    def noise_for(
        self,
        candidates: Iterable[Params],
        root: Path,
        like: Recordings,
        heard: Examples | None,
        *,
        out: Path,
        skip_bad: bool,
        engine: Engine,
        progress: Progress,
        pattern: str | None = None,
    ) -> Noise | None:
        """Noise, where a candidate's frontend is trained with it now; of all machines below ``root``.

        Args:
            heard: clips of other machines, which are trained on, too.

        Raises:
            GensupError: see ``noise.gathered``.
        """
        if not self._noise.wanted(candidates, self.frontend is None):
            return None
        more = ((), ()) if heard is None else (heard.audio, heard.key)
        clips = noises.Beside(
            audio=(*(member.ref for member in like.members), *more[0]),
            key=(*(member.key for member in like.members), *more[1]),
            rate=like.rate,
            channel=like.channel,
        )
        return noises.gathered(
            self._noise, [root], None, clips, out=out, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern,
        )  # fmt: skip


def described(front: Front | None, heard: Examples | None, noise: Noise | None = None) -> dict[str, Json]:
    """For run.json: nothing where no frontend is trained."""
    said: dict[str, Json] = {} if front is None else front.described()
    if heard is not None:
        said["others"] = {"clips": len(heard), "fingerprint": digest(list(heard.key), list(heard.label or ()))}
    return said | noises.described(noise)
