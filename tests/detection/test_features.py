"""Features: a slow frontend's vectors are kept, a quick one's are not, and both are the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from gensup.audio.files import Audio, AudioRef
from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.parts import Tokens
from gensup.detection.pooling.gwrp import Gwrp
from gensup.engine import Inline
from gensup.store import ArrayCache
from tests.support import sounds

MADE: list[int] = []


@dataclass(frozen=True, slots=True)
class Slow:
    """A frontend that counts how often it is asked."""

    weights: str = "a"

    name: ClassVar[str] = "slow"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 1.0

    @property
    def fingerprint(self) -> str:
        return self.weights

    def tokens(self, audio: Audio, rate: int) -> Tokens:
        MADE.append(audio.shape[1])
        return Tokens(audio[0, :600].reshape(100, 1, 6))


@pytest.fixture
def clips(tmp_path: Path) -> Examples:
    paths = [sounds.write(tmp_path / f"{i}.wav", sounds.hum(i)) for i in range(3)]
    return Examples(audio=tuple(AudioRef(path, sounds.RATE, 0) for path in paths), key=("x", "y", "z"), group=("",) * 3)


def test_a_slow_frontend_is_asked_once_a_clip_and_setting(clips: Examples, tmp_path: Path) -> None:
    cache, poolings = ArrayCache(tmp_path / "cache"), [Gwrp(0.5), Gwrp(1.0)]
    MADE.clear()
    cold = pooled(Inline(), clips, Slow(), poolings, cache)
    assert len(MADE) == 3
    np.testing.assert_array_equal(pooled(Inline(), clips, Slow(), poolings, cache), cold)
    np.testing.assert_array_equal(pooled(Inline(), clips.take([2, 0]), Slow(), poolings, cache), cold[:, [2, 0]])
    assert len(MADE) == 3
    pooled(Inline(), clips, Slow("b"), poolings, cache)
    pooled(Inline(), clips, Slow(), [Gwrp(0.4)], cache)
    pooled(Inline(), replace(clips, key=("x", "y", "other")), Slow(), poolings, cache)
    assert len(MADE) == 3 + 3 + 3 + 1


def test_a_quick_frontend_is_made_anew(clips: Examples, tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path / "cache")
    quick = LogMel(256, 128, 16)
    np.testing.assert_array_equal(
        pooled(Inline(), clips, quick, [Gwrp()], cache), pooled(Inline(), clips, quick, [Gwrp()])
    )
    assert not cache.folder.exists()
