"""Candidates that read layers of one network hear each clip in one pass, and score as if each heard it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import Audio, AudioRef
from gensup.clip import Json
from gensup.detection.conversion import convert
from gensup.detection.crossfit import fit_and_score
from gensup.detection.embedding import Embedding
from gensup.detection.examples import Examples
from gensup.detection.frontends.beats import Beats
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.layers import OfLayers, united
from gensup.detection.means import Means
from gensup.detection.parts import Tokens
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.pooling.max import Max
from gensup.detection.pooling.mean import Mean
from gensup.engine import Inline
from gensup.errors import GensupError
from tests.support import checkpoints, sounds

BASE: dict[str, Json] = {
    "frontend.kind": "beats", "frontend.checkpoint": "tiny", "pooling.kind": "mean", "backend.kind": "knn",
    "backend.metric": "euclidean",
}  # fmt: skip
CANDIDATES = {
    f"{layers} {over}": {**BASE, "frontend.layers": layers, "pooling.over": over}
    for layers in ([2], [0], [2, 1])
    for over in ("time", "both", "frequency")
}


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> Means:
    root = tmp_path_factory.mktemp("weights")
    convert(checkpoints.beats(root / "pt" / "tiny.pt"), root, trust=True, licence="none")
    return Means(weights=root, device="cpu")


def clips(folder: Path, seconds: Sequence[float]) -> Examples:
    files = [sounds.write(folder / f"{i}.wav", sounds.hum(i, seconds=s)) for i, s in enumerate(seconds)]
    audio = tuple(AudioRef(file, 16_000, 0) for file in files)
    return Examples(audio=audio, key=tuple(file.name for file in files), group=("fan",) * len(files))


def test_together_as_alone(means: Means, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[int, ...]] = []
    whole = Embedding.tokens

    def tokens(self: Embedding, audio: Audio, rate: int) -> Tokens:
        heard.append(self.settings.layers)  # type: ignore[attr-defined]
        return whole(self, audio, rate)

    monkeypatch.setattr(Embedding, "tokens", tokens)
    mine = clips(tmp_path, [0.5] * 4)
    together = {s.trials[0]: s for s in fit_and_score(Inline(), CANDIDATES, mine.take([0, 1, 2]), mine, means)}
    assert heard == [(0, 1, 2)] * 7  # three clips are fitted on, four asked
    assert together.keys() == CANDIDATES.keys()
    for trial, params in CANDIDATES.items():
        (alone,) = fit_and_score(Inline(), {trial: params}, mine.take([0, 1, 2]), mine, means)
        np.testing.assert_array_equal(together[trial].scores, alone.scores)
        assert together[trial].parameters == alone.parameters


def test_what_becomes_one() -> None:
    ten = Beats(layers=(4,), seconds=10.0)
    asked = {ten: {Mean(): "a"}, Beats(layers=(1,)): {Max(): "b"}, LogMel(): {Mean(): "c"}}
    asked |= {replace(ten, layers=(layer,)): {Mean(): str(layer), Gwrp(0.5): "g"} for layer in (9, 2, 7, 12)}
    found = united(asked)
    assert {getattr(frontend, "layers", None) for frontend in found} == {(2, 4, 7, 9), (12,), (1,), None}
    assert sum(len(poolings) for poolings in found.values()) == sum(len(poolings) for poolings in asked.values())
    four = found[replace(ten, layers=(2, 4, 7, 9))]
    assert four[OfLayers("mean", Mean(), (1,), 4)] == "a"
    assert four[OfLayers("gwrp", Gwrp(0.5), (3,), 4)] == "g"


def test_layers_in_the_order_that_is_asked_for() -> None:
    x = np.arange(2 * 3 * 8, dtype=np.float32).reshape(2, 3, 8)
    one, other = OfLayers.pool_many(
        Tokens(x), [OfLayers("max", Max(), (3, 0), 4), OfLayers("mean", Mean("time"), (1,), 4)]
    )
    np.testing.assert_array_equal(one, x[1, 2][[6, 7, 0, 1]])
    np.testing.assert_array_equal(other, x[:, :, 2:4].mean(axis=0).ravel())


def test_lengths_that_differ_where_time_is_kept(means: Means, tmp_path: Path) -> None:
    params = {"a": {**BASE, "frontend.layers": [1], "pooling.over": "frequency"}}
    mixed = clips(tmp_path, [0.5, 0.5, 0.9])
    with pytest.raises(GensupError, match=r"2\.wav: clips of several lengths.*set frontend\.seconds"):
        list(fit_and_score(Inline(), params, mixed, mixed, means))
