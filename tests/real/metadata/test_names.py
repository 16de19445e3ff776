"""Every released name: fields as in the reference parse, and the name again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from gensup.metadata import format as write
from gensup.metadata import parse, read_names, scan

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
