"""Every released name: fields as in the reference parse, and the name again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from gensup.metadata import format as write
from gensup.metadata import join, parse, read_names, scan

SHARED = Path(__file__).resolve().parents[4] / "shared"
FIELDS = ("machine", "section", "domain", "split", "condition", "index")


def test_every_released_name() -> None:
    count = 0
    with gzip.open(SHARED / "dcase/filenames/truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            truth = json.loads(line)
            clip = parse(f"{truth['machine']}/{truth['dir']}/{truth['filename']}")
            truth["condition"] = truth["label"]
            assert {field: getattr(clip, field) for field in FIELDS} == {field: truth[field] for field in FIELDS}
            assert [list(pair) for pair in clip.attributes] == truth["attributes"], clip
            assert clip.unparsed == (), clip
            assert write(clip) == truth["filename"].removesuffix(".wav")
            count += 1
    assert count == 76_133


def test_every_released_list() -> None:
    lists = sorted((SHARED / "dcase/filenames").glob("*.txt"))
    assert sum(len(read_names(file)) for file in lists) == 76_133


def test_released_recordings() -> None:
    for clip in scan(SHARED / "data/mimii_m6dB_ch0"):
        machine, section, condition, _ = clip.path.split("/")
        assert (clip.machine, f"id_{clip.section}") == (machine, section)
        assert clip.condition == {"normal": "normal", "abnormal": "anomaly"}[condition]
    for clip in scan(SHARED / "data/dcase2020_slider_id00_train"):
        assert (clip.machine, clip.year, clip.section, clip.condition) == (None, 2020, "00", "normal")


def test_evaluators_tables_say_what_the_released_names_say() -> None:
    """DCASE 2022: blind names joined with every table, short rows and wrong keys included."""
    base = SHARED / "data/dcase_ground_truth/2022"
    files = sorted((base / "ground_truth_attributes").rglob("*.csv"))
    folders = [file.parent.name for file in files]
    paths = [
        f"{machine}/test/section_{file.stem[-2:]}_{index:04d}.wav"
        for machine, file in zip(folders, files, strict=True)
        for index in range(200)
    ]
    done = join(SHARED, [parse(path) for path in paths], [], named=files, labels=True)
    assert (done.joined, done.elsewhere, done.ambiguous) == (4200, 0, 0)
    assert {word for line in done.conflicts for word in line.split() if word.endswith("pat")} == {"v1pat", "v2pat"}
    assert all(clip.attributes for clip in done.clips)
    # The full names of ToyCar and ToyTrain deny the ground truth: no label is taken from an attribute table.
    assert {(clip.domain, clip.split, clip.condition) for clip in done.clips} == {(None, None, None)}


def test_hidden_names_and_their_restored_ones_join() -> None:
    """2024 and 2025: a correspondence table made of two released lists; the restored list says what must come out."""
    for year in (2024, 2025):
        hidden = [c for c in read_names(SHARED / f"dcase/filenames/{year}_dev_train.txt") if c.machine == "ToyTrain"]
        restored = {
            (c.domain, c.index): c
            for c in read_names(SHARED / f"dcase/filenames/{year}_dev_train_attrs_restored.txt")
            if c.machine == "ToyTrain"
        }
        names = [(restored[clip.domain, clip.index], clip) for clip in hidden if (clip.domain, clip.index) in restored]
        lines = [f"{named.path.rpartition('/')[2]},{clip.path.rpartition('/')[2]}" for named, clip in names]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "ToyTrain" / "attributes_00_train_correspondence.csv"
            file.parent.mkdir()
            file.write_text("\n".join(["source_file_name,target_file_name", *reversed(lines)]))
            done = join(SHARED, hidden, [], named=[file])
        assert done.joined == len(names) > 900
        assert done.conflicts == ()
        assert [clip.attributes for clip in done.clips if (clip.domain, clip.index) in restored] == [
            named.attributes for named, _ in names
        ]
