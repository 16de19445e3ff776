"""Clips without attributes are divided by how they sound, and by nothing where they sound alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection.examples import Examples
from gensup.detection.labels.envelope import LINES, RATES_HZ, Envelope
from gensup.detection.labels.spectra import Spectra
from gensup.detection.parts import LABELS
from gensup.detection.pseudo import divided, refined
from gensup.errors import GensupError
from tests.support import sounds

RATE = 16000


def turning(rate_hz: float, seed: int, level: float = 1.0) -> np.ndarray:
    """Noise whose loudness goes up and down so often a second."""
    rng = np.random.default_rng(seed)
    t = np.arange(4 * RATE) / RATE
    loud = 1 + 0.8 * np.sin(2 * np.pi * rate_hz * t + rng.uniform(0, 6))
    return (0.05 * level * loud * rng.normal(size=len(t))).astype(np.float32)[None]


@pytest.mark.parametrize("rate_hz", [5.0, 23.0, 90.0])
def test_the_envelopes_line_is_where_the_machine_turns(rate_hz: float) -> None:
    found = Envelope.describe(turning(rate_hz, 0), RATE)
    edges = np.geomspace(*RATES_HZ, LINES + 1)
    assert edges[found.argmax()] <= rate_hz * 1.03
    assert edges[found.argmax() + 1] >= rate_hz * 0.97
    assert found.max() > 15


@pytest.mark.parametrize("kind", LABELS.names())
def test_the_level_says_nothing(kind: str) -> None:
    describe = LABELS.load(kind).describe
    quiet, loud = (describe(turning(20.0, 3, level), RATE) for level in (1.0, 8.0))
    np.testing.assert_allclose(quiet, loud, atol=0.2)


def examples(folder: Path, clips: list[np.ndarray], labels: tuple[str, ...], plain: np.ndarray) -> Examples:
    paths = [sounds.write(folder / f"{i}.wav", clip) for i, clip in enumerate(clips)]
    refs = tuple(AudioRef(path, RATE, 0) for path in paths)
    return Examples(audio=refs, key=tuple(p.name for p in paths), group=("fan",) * len(refs), label=labels, plain=plain)


def test_speeds_are_found_and_named_clips_left_alone(tmp_path: Path) -> None:
    speed = [10.0, 35.0] * 8
    clips = [turning(hz, i) for i, hz in enumerate(speed)] + [turning(50.0, 99)]
    plain = np.array([True] * 16 + [False])
    normals = examples(tmp_path, clips, ("fan",) * 16 + ("fan|speed 3",), plain)
    labels = refined(normals, "envelope", 0, 0)
    assert labels[16] == "fan|speed 3"
    assert len({*labels[:16:2]}) == len({*labels[1:16:2]}) == 1
    assert labels[0] != labels[1]
    assert set(labels[:2]) == {"fan~0", "fan~1"}
    assert len(set(refined(normals, "envelope", 4, 0)[:16])) == 4
    assert refined(normals.take([0, 2, 4]), "envelope", 0, 0) == ("fan",) * 3  # too few to divide
    with pytest.raises(GensupError, match="unknown pseudo-attribute"):
        refined(normals, "enveloppe", 0, 0)


def test_what_is_one_group_stays_one() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(60, 40))
    assert set(divided(one, 0, 0)) == {0}
    three = one + 6 * np.eye(40)[np.arange(60) % 3]
    found = divided(three, 0, 0)
    assert len({*zip(found, np.arange(60) % 3, strict=True)}) == len(set(found)) == 3


def test_spectra_tell_tones_apart() -> None:
    t = np.arange(RATE) / RATE
    hiss = 0.01 * np.random.default_rng(0).normal(size=RATE)
    low, high = (
        Spectra.describe((np.sin(2 * np.pi * hz * t) + hiss)[None].astype(np.float32), RATE) for hz in (300, 3000)
    )
    assert low[:64].argmax() < high[:64].argmax()
