"""Every combination of machine and attributes that was ever released, said."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gensup.captions import caption, faults_for
from gensup.captions.machines import listed_name
from gensup.captions.prompts import attribute_rows, machine_rows
from gensup.captions.render import phrases
from gensup.captions.tokens import LIMITS, count
from gensup.clip import Clip
from gensup.metadata import parse

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """One clip of every machine and combination of attributes, and the years in which the lists hold it."""
    found: dict[tuple[str, str, int], Clip] = {}
    with gzip.open(SHARED / "dcase/filenames/truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            key = (row["machine"], json.dumps(row["attributes"]), row["year"])
            if key not in found:
                found[key] = replace(
                    parse(f"{row['machine']}/{row['dir']}/{row['filename']}"), year=row["year"], path=row["filename"]
                )
    return list(found.values())


def test_every_released_combination(clips: list[Clip]) -> None:
    assert len(clips) > 400
    for clip in clips:
        normal, anomaly = (caption(clip, condition=condition) for condition in ("normal", "anomaly"))
        assert re.fullmatch(r"This is the normal sound of an? [A-Za-z0-9 ,.-]+\.", normal), normal
        assert anomaly == normal.replace("the normal sound", "the anomaly sound")
        for key, value in clip.attributes:
            assert value in ("none", "no_pump") or value.replace("_", " ") in normal, (key, normal)
        in_words(normal)


def test_every_released_combination_described(clips: list[Clip]) -> None:
    head = "High quality, clear recording of "
    read: set[str | None] = set()
    for number, clip in enumerate({(clip.machine, phrases(clip)): clip for clip in clips}.values()):
        normal = caption(clip, style="descriptive", condition="normal")
        before, condition, after = re.split(r" running (normally with its usual, regular sound)", normal)
        assert before.startswith(head)
        in_words(normal)
        faults = faults_for(clip.machine)
        if clip.machine in read:  # each of its faults was said once; the others in turn
            faults = (faults[number % len(faults)],)
        for fault in (None, *faults):
            words = f"with a fault, {fault.words if fault else 'an unusual, irregular sound'}"
            anomaly = caption(clip, style="descriptive", condition="anomaly", fault=fault)
            assert anomaly == f"{before} running {words}{after}"
            assert condition not in anomaly
            in_words(anomaly)
            assert count(anomaly) <= (LIMITS["clap"], False)
        read.add(clip.machine)


def in_words(text: str) -> None:
    """Nothing empty, left over, doubled or dangling."""
    assert text == " ".join(text.split())
    assert not re.search(r"_|\b[Nn]one\b|\{|\}|noAttribute", text), text
    assert not re.search(r"\b([A-Za-z]+) \1\b", text), text
    assert not re.search(r"\b(with|and|of|a|an|the|by|at|position|positions)\s*[,.]", text), text
    assert not re.search(r" [,.]|[,.]{2}|\b(with|and) (with|and)\b", text), text
    assert text.endswith(".")
    assert text.count(" with ") + text.count(" and ") < 8


def test_editions_are_the_years_of_the_lists(clips: list[Clip]) -> None:
    held = {(clip.machine, clip.year) for clip in clips}
    assert {(machine, year) for machine, year in held if year not in machine_rows()[str(machine)].editions} == set()


def test_the_published_captions_are_in_the_published_text() -> None:
    """All three, word for word; the slides set words of them in italics, with a blank after each."""
    talk = next((SHARED / "seeds").glob("000_*.txt")).read_text(encoding="utf-8")
    plain = " ".join(re.sub(r"</?i>", "", talk).split()).replace(" .", ".").replace(" ,", ",")
    for path in (
        "ToyCar/section_00_source_test_normal_0001_car_B2_spd_31V_mic_1.wav",
        "ToyCar/section_00_source_test_anomaly_0001_car_B2_spd_31V_mic_1.wav",
        "Grinder/section_00_source_train_normal_0000_grindstone_2_plate_2.wav",
    ):
        assert f"{path} {caption(parse(path))}" in plain


def test_every_machine_and_key_of_the_reference_is_listed() -> None:
    faults = json.loads((SHARED / "dcase/faults.json").read_text(encoding="utf-8"))
    glossary = json.loads((SHARED / "dcase/glossary.json").read_text(encoding="utf-8"))
    assert [row["machine"] for row in faults if listed_name(row["machine"]) is None] == []
    plain = re.compile(r"[\w-]+( \(|$)")
    keys = {key.split(" (")[0] for row in glossary for key in row["key"].split(" / ") if plain.match(key)}
    values = {"noAttribute", "A1Spd28VMic1", "A1Spd6Mic1", "glassfiber_none", "polyurethane_none"}
    assert values < keys
    assert keys - values - set(attribute_rows()) == set()
