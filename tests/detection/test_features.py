"""Features: a slow frontend's vectors are kept, a quick one's are not, and both are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from gensup.audio.files import Audio, AudioRef
from gensup.detection import features
from gensup.detection.between import Between
from gensup.detection.examples import Examples
from gensup.detection.features import pooled, ready_many
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.means import Means
from gensup.detection.parts import Tokens
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.pooling.mean import Mean
from gensup.engine import Inline, Local
from gensup.errors import GensupError
from gensup.steps.progress import Followed
from gensup.store import ArrayCache
from tests.steps.test_progress import Listener
from tests.support import sounds
from tests.support.frontends.shifted import Shifted

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
    np.testing.assert_array_equal(
        pooled(Inline(), clips.take([2, 0]), Slow(), poolings, cache), [x[[2, 0]] for x in cold]
    )
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


@dataclass(frozen=True, slots=True)
class Batched(Slow):
    """On a GPU whose rounding tells how many clips were in a pass, and which one of them a clip was."""

    batch: int = 3

    asked: ClassVar[list[tuple[float, ...]]] = []

    def tokens_many(self, clips: Sequence[Audio], rate: int) -> Iterator[Tokens]:
        self.asked.append(tuple(round(clip.shape[1] / sounds.RATE, 1) for clip in clips))
        for place, clip in enumerate(clips):
            if np.abs(clip).max() > 0.9:
                raise GensupError("too loud")
            yield Tokens(self.tokens(clip, rate).x + np.float32(place + 10 * len(clips)))


def written(folder: Path, *seconds: float) -> Examples:
    audio = [sounds.hum(i, seconds=long) for i, long in enumerate(seconds)]
    paths = [sounds.write(folder / f"{i}.wav", samples) for i, samples in enumerate(audio)]
    refs = tuple(AudioRef(path, sounds.RATE, 0) for path in paths)
    return Examples(audio=refs, key=tuple(path.name for path in paths), group=("",) * len(paths))


def test_clips_of_one_length_share_a_pass_in_this_process(tmp_path: Path) -> None:
    clips, listener = written(tmp_path, 0.8, 0.5, 0.8, 0.8, 0.5), Listener()
    mixed = Between(clips.audio[0], clips.audio[2], 0.5, "log-mel")  # type: ignore[arg-type]
    more = clips.followed_by(Examples(audio=(mixed,), key=("between",), group=("",)))
    Batched.asked.clear()
    MADE.clear()
    with Followed(Local(2), listener) as engine:
        found = pooled(engine, more, Batched(), [Mean()])[0]
    # Chunks of three clips; what lies between spectrograms has no sound of its own.
    assert sorted(Batched.asked) == [(0.5,), (0.5,), (0.8,), (0.8, 0.8)]
    assert len(MADE) == 7
    assert listener.heard == [(2, "features")]
    plain = pooled(Inline(), more, Slow(), [Mean()])[0]
    np.testing.assert_allclose((found - plain)[:, 0], [20, 10, 21, 10, 10, 0], atol=1e-5)


def test_what_is_known_does_not_change_a_pass(tmp_path: Path) -> None:
    """Killed between two files of a pass, a run goes on to the same bytes; what is known whole is not heard again."""
    clips, cache = written(tmp_path, *(0.8,) * 5), ArrayCache(tmp_path / "cache")
    first = pooled(Inline(), clips, Batched(), [Mean()], cache)
    files = sorted(cache.folder.rglob("*.safetensors"))
    assert len(files) == 5
    for lost in files:
        lost.unlink()
        Batched.asked.clear()
        np.testing.assert_array_equal(pooled(Inline(), clips, Batched(), [Mean()], cache), first)
        assert Batched.asked in ([(0.8,) * 3], [(0.8,) * 2])


def test_a_clip_of_a_pass_is_named(tmp_path: Path) -> None:
    clips = written(tmp_path, 0.8, 0.8, 0.8)
    sounds.write(tmp_path / "1.wav", np.clip(10 * sounds.hum(1), -0.95, 0.95))
    with pytest.raises(GensupError, match=r"1\.wav: too loud"):
        pooled(Inline(), clips, Batched(), [Mean()])


def test_on_a_gpu_networks_are_trained_one_after_another_in_this_process(
    clips: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds, listener = [clips.take([0, 1]), clips.take([1, 2])], Listener()
    said: list[str | None] = []
    monkeypatch.setattr(features, "on_gpu", lambda device: not said.append(device))
    Shifted.log.clear()
    with Followed(Local(2), listener) as engine:
        found = ready_many(engine, Shifted(), folds, Means(device="cuda"))
        assert Shifted.log == [("x", "y"), ("y", "z")]  # another process would have kept them
        assert listener.heard == [(2, "training")]
        monkeypatch.setattr(features, "on_gpu", lambda device: bool(said.append(device)))
        again = ready_many(engine, Shifted(), folds, Means())
    assert len(Shifted.log) == 2
    assert (found, said) == (again, ["cuda", None])
