"""Tables of features: every layout gives the same rows, found by the sound."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gensup.audio.files import AudioRef, fingerprint
from gensup.detection.examples import Examples
from gensup.detection.frontends.precomputed import Precomputed
from gensup.detection.means import Means
from gensup.detection.parts import STATE
from gensup.errors import GensupError
from tests.support import sounds

ROWS = {"a.wav": np.arange(4.0), "b.wav": np.arange(4.0) + 10, "c.wav": np.arange(4.0) - 5}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("clips")
    paths = [sounds.write(folder / "train" / name, sounds.hum(i)) for i, name in enumerate(ROWS)]
    return Examples(audio=tuple(AudioRef(path, sounds.RATE, 0) for path in paths), key=tuple("abc"), group=("fan",) * 3)


def npz(path: Path, rows: dict[str, np.ndarray]) -> None:
    np.savez(path.with_suffix(".npz"), **rows)


def named_npz(path: Path, rows: dict[str, np.ndarray]) -> None:
    np.savez(path.with_suffix(".npz"), name=np.array(list(rows)), x=np.stack(list(rows.values())))


def safetensors(path: Path, rows: dict[str, np.ndarray]) -> None:
    save_file(rows, path.with_suffix(".safetensors"))


def table(path: Path, rows: dict[str, np.ndarray]) -> None:
    with path.with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file).writerows([["name", "x0", "x1", "x2", "x3"], *([n, *x.tolist()] for n, x in rows.items())])


def by_sound(clips: Examples) -> dict[str, np.ndarray]:
    return {fingerprint(ref.read()): x for ref, x in zip(clips.audio, ROWS.values(), strict=True)}


@pytest.mark.parametrize("write", [npz, named_npz, safetensors, table])
@pytest.mark.parametrize("called", ["sound", "name", "stem", "path"])
def test_every_layout(write: Callable, called: str, clips: Examples, tmp_path: Path) -> None:
    names = {"name": str, "stem": lambda n: n[:-4], "path": lambda n: f"train/{n}"}
    rows = by_sound(clips) if called == "sound" else {names[called](n): x for n, x in ROWS.items()}
    write(tmp_path / "t", rows)
    (made,) = tmp_path.iterdir()
    folder = None if called == "sound" else str(clips.audio[0].path.parents[1])
    fitted = Precomputed(made.name, folder).ready(clips, Means(weights=tmp_path), 0)
    for ref, expected in zip(clips.audio, ROWS.values(), strict=True):
        np.testing.assert_array_equal(fitted.tokens(ref.read(), ref.rate).x, expected.astype(np.float32)[None, None])


def test_frames_and_bands(clips: Examples, tmp_path: Path) -> None:
    for shape, whole in (((5, 4), (5, 1, 4)), ((5, 3, 4), (5, 3, 4))):
        npz(tmp_path / f"t{len(shape)}", {key: np.ones(shape) for key in by_sound(clips)})
        fitted = Precomputed(f"t{len(shape)}.npz").ready(clips, Means(weights=tmp_path), 0)
        assert fitted.tokens(clips.audio[0].read(), sounds.RATE).x.shape == whole


def test_what_is_missing_is_named(clips: Examples, tmp_path: Path) -> None:
    rows = dict(list(by_sound(clips).items())[:2])
    npz(tmp_path / "t", rows)
    means = Means(weights=tmp_path)
    with pytest.raises(GensupError, match=r"does not hold these clips.*c\.wav"):
        Precomputed("t.npz").ready(clips, means, 0)
    fitted = Precomputed("t.npz").ready(clips.take([0, 1]), means, 0)
    with pytest.raises(GensupError, match="does not hold this clip"):
        fitted.tokens(clips.audio[2].read(), sounds.RATE)
    with pytest.raises(GensupError, match="does not hold this clip"):  # another sound
        fitted.tokens(clips.audio[0].read() * 2, sounds.RATE)


def test_another_table_of_the_same_features(clips: Examples, tmp_path: Path) -> None:
    means = Means(weights=tmp_path)
    npz(tmp_path / "t", by_sound(clips))
    made = Precomputed("t.npz").ready(clips, means, 0)
    save_file({f"{STATE}{k}": v for k, v in made.state().items()}, tmp_path / "m.safetensors")
    assert Precomputed("t.npz").restore(tmp_path / "m.safetensors", means) == made
    npz(tmp_path / "t", {key: x[:3] for key, x in by_sound(clips).items()})
    with pytest.raises(GensupError, match="a table of other features"):
        Precomputed("t.npz").restore(tmp_path / "m.safetensors", means)
    assert Precomputed("t.npz").untrained(means).fingerprint != made.fingerprint


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"a": np.array([1.0, np.nan])}, "NaN"),
        ({"a": np.ones(2), "b": np.ones(3)}, "different width"),
        ({"a": np.ones((1, 1, 1, 2))}, "not features"),
        ({"a": np.array(["x"])}, "not features"),
        ({}, "different width"),
        ({"name": np.array(["a", "a"]), "x": np.ones((2, 3))}, "1 names of 2 rows"),
    ],
)
def test_bad_rows(rows: dict, said: str, tmp_path: Path) -> None:
    npz(tmp_path / "t", rows)
    with pytest.raises(GensupError, match=said):
        Precomputed("t.npz").untrained(Means(weights=tmp_path))


def test_bad_files(tmp_path: Path) -> None:
    means = Means(weights=tmp_path)
    for name, data in (
        ("a.npz", b"no"),
        ("a.safetensors", b"no"),
        ("a.csv", b"name,x\nb,1\nb,2\n"),
        ("b.csv", b"a,1\nb,x\n"),
        ("a.txt", b""),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(GensupError, match="not a table"):
            Precomputed(name).untrained(means)
    with pytest.raises(GensupError, match="no such table"):
        Precomputed("none.npz").untrained(means)
    np.savez(tmp_path / "o.npz", a=np.array([{}], dtype=object))  # reading it would run what its maker put there
    with pytest.raises(GensupError, match="not a table"):
        Precomputed("o.npz").untrained(means)
