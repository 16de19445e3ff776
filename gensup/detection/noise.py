"""Recordings of noise that networks are trained with: no machine's sound is learnt from them, and none is scored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gensup.audio.files import AudioRef
from gensup.errors import GensupError


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Clips of noise, each sound once. What was recorded beside a clip serves only where that clip does."""

    audio: tuple[AudioRef, ...]  # all at the rate of the clips that they are mixed with
    key: tuple[str, ...]  # sha256 of the decoded audio
    beside: tuple[str | None, ...]  # key of the clip that another microphone recorded meanwhile; None: of none

    def __len__(self) -> int:
        return len(self.audio)

    def heard_with(self, keys: Collection[str]) -> Noise:
        """Without what was recorded beside clips that are not among ``keys``: those that are held out stay out."""
        known = set(keys)
        rows = [i for i, clip in enumerate(self.beside) if clip is None or clip in known]
        return Noise(
            audio=tuple(self.audio[i] for i in rows),
            key=tuple(self.key[i] for i in rows),
            beside=tuple(self.beside[i] for i in rows),
        )


def no_noise(share: float | None = None) -> GensupError:
    """What to raise where a frontend is to hear noise and there is none."""
    return GensupError(
        "no noise to train with",
        where="frontend.noise",
        value=share,
        rule="clips of noise are added to that share of the clips",
        remedy="name a folder of them (--noise DIR) or another microphone (--noise-channel far), lay those of DCASE "
        "2025 (supplemental/) below ROOT, or train without: a recipe with `noise: 0`, of `fit` and `train` --set "
        "frontend.noise=0",
    )
