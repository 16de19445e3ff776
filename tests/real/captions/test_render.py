"""Every combination of machine and attributes that was ever released, said."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from gensup.captions import caption
from gensup.captions.machines import listed_name
from gensup.captions.prompts import attribute_rows
from gensup.clip import Clip
from gensup.metadata import parse

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    found: dict[tuple[str, str], Clip] = {}
    with gzip.open(SHARED / "dcase/filenames/truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            key = (row["machine"], json.dumps(row["attributes"]))
            if key not in found:
                found[key] = parse(f"{row['machine']}/{row['dir']}/{row['filename']}")
    return list(found.values())


def test_every_released_combination(clips: list[Clip]) -> None:
    assert len(clips) > 400
    for clip in clips:
        normal, anomaly = (caption(clip, condition=condition) for condition in ("normal", "anomaly"))
        assert re.fullmatch(r"This is the normal sound of an? [A-Za-z0-9 ,.-]+\.", normal), normal
        assert "  " not in normal
        assert "none" not in normal.lower()
        assert anomaly == normal.replace("the normal sound", "the anomaly sound")
        for key, value in clip.attributes:
            assert value in ("none", "no_pump") or value.replace("_", " ") in normal, (key, normal)
        described = [caption(clip, condition=condition, style="descriptive") for condition in ("normal", "anomaly")]
        shared = described[0].partition(", running ")[0]
        assert described[1].partition(", running ")[0] == shared
        assert described[0] != described[1]
        assert not re.search(r"_|  |None", " ".join(described))


def test_every_machine_and_key_of_the_reference_is_listed() -> None:
    faults = json.loads((SHARED / "dcase/faults.json").read_text(encoding="utf-8"))
    glossary = json.loads((SHARED / "dcase/glossary.json").read_text(encoding="utf-8"))
    assert [row["machine"] for row in faults if listed_name(row["machine"]) is None] == []
    plain = re.compile(r"[\w-]+( \(|$)")
    keys = {key.split(" (")[0] for row in glossary for key in row["key"].split(" / ") if plain.match(key)}
    values = {"noAttribute", "A1Spd28VMic1", "A1Spd6Mic1", "glassfiber_none", "polyurethane_none"}
    assert values < keys
    assert keys - values - set(attribute_rows()) == set()
