"""BEATs as a frontend: lengths, crops, and the way of its tokens through poolings."""

from __future__ import annotations

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection.examples import Examples
from gensup.detection.features import pooled, ready_many
from gensup.detection.frontends.beats import Beats
from gensup.detection.means import Means
from gensup.detection.pooling.mean import Mean
from gensup.engine import Inline
from gensup.errors import GensupError
from tests.support import sounds
from tests.support.checkpoints import sound


@pytest.mark.parametrize(("seconds", "patches"), [(0.175, 1), (6, 37), (10, 62), (12, 74), (18, 112)])
def test_any_length(means: Means, seconds: float, patches: int) -> None:
    assert Beats("tiny", (2,)).untrained(means).tokens(sound(seconds), 16000).x.shape == (patches, 8, 32)


def test_shorter_than_a_patch(means: Means) -> None:
    with pytest.raises(GensupError, match=r"too short for one token.*16 frames"):
        Beats("tiny", (2,)).untrained(means).tokens(sound(0.174), 16000)


def test_seconds_crop_and_fill(means: Means) -> None:
    audio, cut = sound(3.0), Beats("tiny", (2,), seconds=2.0).untrained(means)
    plain = Beats("tiny", (2,)).untrained(means)
    np.testing.assert_array_equal(cut.tokens(audio, 16000).x, plain.tokens(audio[:, :32000], 16000).x)
    filled = np.pad(audio[:, :16000], ((0, 0), (0, 16000)))
    np.testing.assert_array_equal(cut.tokens(audio[:, :16000], 16000).x, plain.tokens(filled, 16000).x)
    assert cut.fingerprint != plain.fingerprint
    for seconds in (0.0, float("nan"), 1e9):
        with pytest.raises(GensupError, match=r"frontend\.seconds"):
            Beats("tiny", seconds=seconds)


def test_time_is_the_first_axis(means: Means) -> None:
    """What sounds late changes late tokens most; what sounds high, high ones."""
    front, audio = Beats("tiny", (0,)).untrained(means), sound(4.0)
    late = audio.copy()
    late[:, 48000:] *= 30
    changed = np.abs(front.tokens(late, 16000).x - front.tokens(audio, 16000).x).mean(axis=(1, 2))
    assert changed[20:].mean() > 3 * changed[:15].mean()


def test_pooled_from_files(means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    assert means.weights is not None
    paths = [sounds.write(means.weights / "clips" / f"{i}.wav", sounds.hum(i)) for i in range(3)]
    clips = Examples(
        audio=tuple(AudioRef(path, sounds.RATE, 0) for path in paths), key=("a", "b", "c"), group=("fan",) * 3
    )
    (front,) = ready_many(Inline(), Beats("tiny", (1, 2)), [clips], means)
    (here,) = pooled(Inline(), clips, front, [Mean()])
    assert here.shape == (3, 64)
    expected = [front.tokens(ref.read(), ref.rate).x.mean(axis=(0, 1)) for ref in clips.audio]
    np.testing.assert_allclose(here, expected, atol=1e-5)
    # As on a GPU: two lengths, three passes, two threads of this process.
    more = [sounds.write(means.weights / "clips" / f"{i}.wav", sounds.hum(i, seconds=0.5)) for i in range(3, 20)]
    clips = clips.followed_by(
        Examples(
            audio=tuple(AudioRef(path, sounds.RATE, 0) for path in more),
            key=tuple(path.name for path in more),
            group=("fan",) * len(more),
        )
    )
    alone = pooled(Inline(), clips, front, [Mean()])
    monkeypatch.setattr("gensup.detection.embedding.on_gpu", lambda device: True)
    passes, embed = list[int](), Beats.embed
    monkeypatch.setattr(Beats, "embed", lambda self, part, *how: (passes.append(len(part)), embed(self, part, *how))[1])
    np.testing.assert_allclose(pooled(Inline(), clips, front, [Mean()]), alone, atol=1e-5)
    assert sorted(passes) == [3, 4, 13]
