"""Recordings through a codec: each once, the same bytes however they are made, and none lost."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import MagicMock

import datasets
import numpy as np
import pytest

from gensup.audio.files import Audio, AudioRef, fingerprint
from gensup.engine import Inline, Local
from gensup.errors import GensupError
from gensup.store import read_manifest, sha256_file, write_manifest
from gensup.synthesis import codec
from gensup.synthesis.codec import CodecNormals, Original, chain_of, codec_of, read_normals
from gensup.synthesis.physical import PhysicalFaults
from gensup.synthesis.records import with_source
from tests.support import sounds
from tests.support.fake_codec import FakeCodec
from tests.support.killing import born
from tests.support.tiny import contents

CLIPS = 37  # three tasks


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Original, ...]:
    folder = tmp_path_factory.mktemp("recorded")
    refs = [AudioRef(sounds.write(folder / f"{i}.wav", sounds.hum(i, seconds=0.2)), 8000, 0) for i in range(CLIPS)]
    return tuple(Original(fingerprint(ref.read()), ref, f"fan/{ref.path.name}") for ref in refs)


def done(folder: Path, originals: tuple[Original, ...], shard: tuple[int, int] = (0, 1)) -> int:
    """Make a shard, and finish; how many recordings are left."""
    normals = CodecNormals(folder, FakeCodec(), originals)
    normals.make(shard, Inline())
    return normals.finish()


@pytest.fixture(scope="module")
def whole(originals: tuple[Original, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "set"
    assert done(folder, originals) == 0
    return folder


def same(folder: Path, whole: Path) -> None:
    assert contents(folder / codec.FOLDER) == contents(whole / codec.FOLDER)


def test_every_recording_goes_through_and_is_told_by_its_key(originals: tuple[Original, ...], whole: Path) -> None:
    found = read_normals(whole)
    assert set(found) == {original.key for original in originals}
    rows = read_manifest(whole / "normals" / "normals.jsonl")
    assert [row["id"] for row in rows] == sorted(found)
    said = {str(row["id"]): row for row in rows}
    for original in originals:
        normal, row = found[original.key], said[original.key]
        expected = FakeCodec().round_trip(original.ref.read(), 8000)
        np.testing.assert_array_equal(AudioRef(normal.file, 8000, 0).read(), expected)
        assert normal.sha256 == row["sha256"] == sha256_file(normal.file)
        assert normal.file == whole / "normals" / f"{original.key}.wav"
        assert normal.chain == row["chain"] == "codec: fake-codec 1"
        assert (row["generator"], row["revision"], row["licence"]) == ("fake-codec", "1", with_source("CC0-1.0"))
        assert (row["rate"], row["seconds"], row["source_path"]) == (8000, 0.2, original.path)


def test_a_set_without_normals_has_none(tmp_path: Path) -> None:
    assert read_normals(tmp_path) == {}
    assert codec_of(FakeCodec()) == FakeCodec()
    assert chain_of(FakeCodec()) == "codec: fake-codec 1"
    assert codec_of(PhysicalFaults(None)) is None  # type: ignore[arg-type]  # whatever it sounds like


def test_shards_and_workers_make_the_same_bytes(originals: tuple[Original, ...], whole: Path, tmp_path: Path) -> None:
    assert done(tmp_path, originals, (1, 3)) == CLIPS - 16
    assert not (tmp_path / "normals" / "normals.jsonl").exists()
    assert done(tmp_path, originals[::-1], (0, 3)) == CLIPS - 32  # in whatever order they are given
    normals = CodecNormals(tmp_path, FakeCodec(), originals)
    with Local(2) as engine:
        normals.make((2, 3), engine)
    assert normals.finish() == normals.finish() == 0
    same(tmp_path, whole)


@dataclass(frozen=True, slots=True)
class Making:
    """A job for another process."""

    originals: tuple[Original, ...]

    def __call__(self, folder: Path) -> None:
        assert done(folder, self.originals) == 0


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_killed_it_continues_to_the_same_bytes(
    originals: tuple[Original, ...], whole: Path, tmp_path: Path, share: float
) -> None:
    changes = born(Making(originals), tmp_path / "free").changes()
    assert changes is not None
    assert born(Making(originals), tmp_path / "set", at=1 + int(share * changes)).changes() is None
    assert not (tmp_path / "set" / "normals" / "normals.jsonl").exists()
    assert done(tmp_path / "set", originals) == 0
    kept = {path: sha for path, sha in contents(tmp_path / "set" / "normals").items() if not path.endswith(".tmp")}
    assert kept == contents(whole / "normals")


def test_what_is_made_is_not_made_again(originals: tuple[Original, ...], whole: Path, tmp_path: Path) -> None:
    done(tmp_path, originals, (0, 2))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "normals").iterdir()}
    assert done(tmp_path, originals) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    same(tmp_path, whole)


@pytest.mark.parametrize("finished", [True, False])
def test_a_damaged_file_is_made_again_and_no_other(
    originals: tuple[Original, ...], whole: Path, tmp_path: Path, finished: bool
) -> None:
    if finished:
        shutil.copytree(whole / "normals", tmp_path / "normals")
    else:
        CodecNormals(tmp_path, FakeCodec(), originals).make((0, 1), Inline())
    first, second, *others = sorted((tmp_path / "normals").glob("*.wav"))
    first.write_bytes(first.read_bytes()[:-2] + b"\x01\x01")
    second.unlink()
    times = {path: path.stat().st_mtime_ns for path in others}
    normals = CodecNormals(tmp_path, FakeCodec(), originals)
    assert not normals.whole()
    assert done(tmp_path, originals) == 0
    assert normals.whole()
    assert {path: path.stat().st_mtime_ns for path in others} == times
    same(tmp_path, whole)


@dataclass(frozen=True, slots=True)
class Sociable(FakeCodec):
    """What it makes of a sound depends on its company, as with a model that takes several at once."""

    def round_trips(self, audios: Sequence[Audio], rate: int) -> list[Audio]:
        return [audio * np.float32(1 + len(audios) / 1024) for audio in audios]


def test_what_is_made_again_goes_through_in_the_same_company(originals: tuple[Original, ...], tmp_path: Path) -> None:
    normals = CodecNormals(tmp_path, Sociable(), originals)
    normals.make((0, 1), Inline())
    assert normals.finish() == 0
    before = contents(tmp_path / "normals")
    for path in sorted((tmp_path / "normals").glob("*.wav"))[::5]:
        path.unlink()
    normals.make((0, 1), Inline())
    assert normals.finish() == 0
    assert contents(tmp_path / "normals") == before


@dataclass(frozen=True, slots=True)
class Spoiling(FakeCodec):
    """It leaves no sound of some."""

    silent: frozenset[str]
    long: frozenset[str] = frozenset()

    def round_trip(self, audio: Audio, rate: int) -> Audio:
        key = fingerprint(audio)
        if key in self.long:
            return np.concatenate([audio, audio], axis=1)
        return np.zeros_like(audio) if key in self.silent else audio


def test_what_does_not_come_through_is_left_out(originals: tuple[Original, ...], tmp_path: Path) -> None:
    keys = [original.key for original in originals]
    spoiling = Spoiling(frozenset(keys[:2]), frozenset(keys[2:3]))
    normals = CodecNormals(tmp_path / "some", spoiling, originals)
    normals.make((0, 1), Inline())
    assert normals.finish() == 0
    assert set(read_normals(tmp_path / "some")) == set(keys[3:])
    nothing = CodecNormals(tmp_path / "none", Spoiling(frozenset(keys)), originals)
    nothing.make((0, 1), Inline())
    with pytest.raises(GensupError, match=r"no recording comes through the codec.*silent"):
        nothing.finish()


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda folder: next(folder.glob("*.wav")).unlink(), "a normal of the set is missing"),
        (
            lambda folder: (folder / "normals.jsonl").write_text('{"id": "a", "schema": 1, "chain": 1}\n'),
            "a damaged row",
        ),
        (
            lambda folder: (folder / "normals.jsonl").write_text('{"id": "a", "file_name": "../a.wav"}\n'),
            "an unsafe file name",
        ),
    ],
)
def test_damage_is_named(whole: Path, tmp_path: Path, damage, word: str) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(whole, tmp_path / "set")
    damage(tmp_path / "set" / "normals")
    with pytest.raises(GensupError, match=word):
        read_normals(tmp_path / "set")


def test_a_set_opens_as_an_audiofolder_of_its_twins_alone(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(whole, tmp_path / "set"))
    assert not list((root / "normals").glob("metadata.*"))
    # Which rows are found is asked here; to decode their sound it would want torchcodec.
    for name in ("torchcodec", "torchcodec.decoders", "torchcodec.encoders"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    rows = read_manifest(root / "normals" / "normals.jsonl")[:3]
    (root / "clips").mkdir()
    for row in rows:
        shutil.copy(root / "normals" / str(row["file_name"]), root / "clips" / str(row["file_name"]))
    write_manifest(root / "metadata.jsonl", [row | {"file_name": f"clips/{row['file_name']}"} for row in rows])
    found = datasets.load_dataset("audiofolder", data_dir=str(root), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(found["id"]) == [row["id"] for row in rows]
