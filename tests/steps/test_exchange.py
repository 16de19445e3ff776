"""Twin sets in other toolkits: `datasets` opens them and writes them, and loaders of a test folder find every word."""

from __future__ import annotations

import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import datasets as library
import pytest

from gensup.steps.synthesize import Settings, synthesize
from gensup.store import read_manifest
from gensup.synthesis import twinset


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> Any:
    # Nothing is decoded here; without torchcodec it would not even look.
    for name in ("torchcodec", "torchcodec.decoders", "torchcodec.encoders"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    return library


def test_a_set_is_an_audiofolder_and_comes_back(datasets: Any, twins: Path, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(twins), split="train", cache_dir=str(tmp_path / "cache"))  # by its card
    found = found.cast_column("audio", datasets.Audio(decode=False))
    rows = {str(row["file_name"]): row for row in read_manifest(twins / twinset.MANIFEST)}
    assert len(found) == len(rows)
    written = []
    for one in found:
        sound = one.pop("audio")
        name = Path(sound["path"]).relative_to(twins).as_posix()
        assert {key: one[key] for key in ("id", "caption", "condition", "severity")} == {
            key: rows[name][key] for key in ("id", "caption", "condition", "severity")
        }
        file = tmp_path / "back" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sound["path"], file)
        written.append({**one, "file_name": name})
    datasets.Dataset.from_list(written).to_json(tmp_path / "back" / twinset.MANIFEST)
    back = {clip.id: clip for clip in twinset.read(tmp_path / "back")}
    for clip in twinset.read(twins):
        again = back.pop(clip.id)
        assert again.file.read_bytes() == clip.file.read_bytes()
        for field in ("condition", "caption", "twin", "source", "family", "severity", "sha256", "nuisance"):
            assert getattr(again, field) == getattr(clip, field), field
    assert not back


def test_loaders_of_a_test_folder(data: Path, tmp_path: Path) -> None:
    settings = Settings(pairs=3, severities=(1.0,), layout="dcase", faults=("noise-added",))
    synthesize(data, "fan", tmp_path, settings=settings, workers=1)
    rows = read_manifest(tmp_path / "metadata.jsonl")
    names = [str(row["file_name"]) for row in rows]
    for row, name in zip(rows, names, strict=True):
        machine, folder, file = name.split("/")
        assert (machine, folder) == ("fan", "test")
        # The official baseline lists a section's files by condition, with something before and behind it.
        assert fnmatch(file, f"section_{row['section']}_*_{row['condition']}_*.wav")
        assert not fnmatch(file, f"*_{'anomaly' if row['condition'] == 'normal' else 'normal'}_*")
        # ASDKit takes the words by their places.
        section, number, domain, split, condition, index, *_ = file.removesuffix(".wav").split("_")
        assert (section, number, domain) == ("section", row["section"], row["domain"])
        assert (split, condition) == ("test", row["condition"])
        assert len(index) == 4
        assert index.isdecimal()
    assert len(set(names)) == len(names)
