"""A user's own naming: read strictly, in one pass, and never in two ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata import compiled, first_shot, scan
from gensup.metadata.patterns import FIELDS, PATTERNED, left_out
from tests.metadata.test_tree import make

ISSUE = "{machine}/{split}/{condition}_{index}_{rpm}.wav"


def test_the_fields_of_a_clip_and_attributes() -> None:
    clip = compiled(ISSUE).read("lathe/train/normal_0007_30.5.WAV")
    assert clip == Clip(
        path="lathe/train/normal_0007_30.5.WAV",
        machine="lathe",
        split="train",
        condition="normal",
        index="0007",
        attributes=(("rpm", "30.5"),),
        spelling=PATTERNED,
    )


@pytest.mark.parametrize(
    ("pattern", "path", "attributes"),
    [
        ("{a}_{b}.wav", "1_2.wav", (("a", "1"), ("b", "2"))),
        ("{a}_{b}", "1_2.flac", (("a", "1"), ("b", "2"))),
        ("rec{a}-x{b}x", "rec7-x88x.wav", (("a", "7"), ("b", "88"))),
        ("{_}/{_}/{a}", "x/y/z.wav", (("a", "z"),)),
        ("{a}_{note*}.wav", "1_left_side.wav", (("a", "1"), ("note", "left_side"))),
        ("{oil_temp}.wav", "20.wav", (("oil_temp", "20"),)),
        ("[{a}](.*)+.wav", "[7](.*)+.wav", (("a", "7"),)),  # no character means anything but itself
    ],
)
def test_forms(pattern: str, path: str, attributes: object) -> None:
    clip = compiled(pattern).read(path)
    assert isinstance(clip, Clip)
    assert clip.attributes == attributes


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("lathe/normal_1_2.wav", "2 parts"),
        ("lathe/train/normal_1_2.flac", "ends in .flac"),
        ("lathe/train/normal_1.wav", "not like"),
        ("lathe/train/normal_1_2_3.wav", "not like"),  # could be read in two ways
        ("lathe/train/normal__2.wav", "not like"),
    ],
)
def test_what_does_not_fit_says_why(path: str, why: str) -> None:
    read = compiled(ISSUE).read(path)
    assert isinstance(read, str)
    assert why in read


def test_words_are_translated_and_never_guessed() -> None:
    pattern = compiled("{condition:ok=normal,broken=anomaly}/{domain:old=source}/{index}.wav")
    clip = pattern.read("broken/old/1.wav")
    assert isinstance(clip, Clip)
    assert (clip.condition, clip.domain) == ("anomaly", "source")
    with pytest.raises(GensupError, match=r"unknown condition.*brocken.*did you mean broken"):
        pattern.read("brocken/old/1.wav")
    with pytest.raises(GensupError, match=r"\{domain:new=source\}"):
        pattern.read("ok/new/1.wav")
    with pytest.raises(GensupError, match="not a year"):
        compiled("{year}/{index}").read("24/1.wav")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no pattern"),
        ("x" * 501, "no pattern"),
        ("a\nb{c}", "no pattern"),
        ("clip.wav", "no field"),
        ("{a", "brace"),
        ("a}{b}", "brace"),
        ("{}", "no field"),
        ("{.*}", "no field"),
        ("{a}{b}", "nothing between"),
        ("{a*}_{b}", "star"),
        ("{a}/{a}", "twice"),
        ("/{a}", "below the root"),
        ("../{a}", "below the root"),
        ("{a}//{b}", "below the root"),
        ("{machin}/{a}", "write {machine}"),
        ("{conditon}", "write {condition}"),
        ("{machine:a=b}", "cannot be translated"),
        ("{split:tr=trian}", "did you mean train"),
        ("{split:tr}", "not a translation"),
        ("_".join(f"{{a{i}}}" for i in range(33)), "too many"),
    ],
)
def test_patterns_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(GensupError, match=message):
        compiled(text)


def test_hostile_names_end() -> None:
    """A matcher that tried every way would not come back."""
    pattern = compiled("_".join(f"{{a{i}}}" for i in range(32)) + "-end")
    assert isinstance(pattern.read("_" * 100_000), str)
    assert isinstance(pattern.read("a_" * 50_000), str)


WORD = st.text("abcxyzABC019.-", min_size=1, max_size=5)


@given(st.lists(st.tuples(st.text("abcdefgh", min_size=3, max_size=6), WORD), min_size=1, max_size=5))
def test_what_is_written_by_a_pattern_is_read_by_it(pairs: list[tuple[str, str]]) -> None:
    pairs = [(f"k{i}{key}", value) for i, (key, value) in enumerate(pairs)]
    assert not {key for key, _ in pairs} & set(FIELDS)
    clip = compiled("_".join(f"{{{key}}}" for key, _ in pairs)).read("_".join(value for _, value in pairs) + ".wav")
    assert isinstance(clip, Clip)
    assert clip.attributes == tuple(pairs)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_refused_or_read(text: str, path: str) -> None:
    try:
        pattern = compiled(text)
        pattern.read(path or "a")
    except GensupError:
        pass


def test_a_tree_by_a_pattern(tmp_path: Path) -> None:
    make(tmp_path, "lathe/ok/1_20.wav", "lathe/nok/2_20.wav", "lathe/test/ok/3_20.wav", "calibration.wav")
    misfits: list[tuple[str, str]] = []
    pattern = compiled("{machine}/{condition:ok=normal,nok=anomaly}/{index}_{rpm}.wav")
    found = scan(tmp_path, pattern=pattern, misfits=misfits)
    assert [(clip.machine, clip.condition) for clip in found] == [("lathe", "anomaly"), ("lathe", "normal")]
    assert [path for path, _ in misfits] == ["calibration.wav", "lathe/test/ok/3_20.wav"]
    assert left_out(misfits)[0].startswith("2 clips do not fit")
    taken, _ = first_shot(tmp_path, found, "lathe")
    assert [clip.attributes for clip in taken.target] == [(("rpm", "20"),)]
    with pytest.raises(GensupError, match="no clip fits the pattern"):
        scan(tmp_path, pattern=compiled("{machine}-{index}.wav"))


def test_a_pattern_without_a_condition_takes_training_clips_as_normal(tmp_path: Path) -> None:
    make(tmp_path, "lathe/train/1.wav", "lathe/test/2.wav", "lathe/3/4.wav")
    found = scan(tmp_path, pattern=compiled("{machine}/{_}/{index}.wav"))
    taken, aside = first_shot(tmp_path, found, "lathe")
    assert [clip.path for clip in taken.target] == ["lathe/3/4.wav", "lathe/train/1.wav"]  # the pattern passes it over
    assert (dict(aside.counts), aside.assumed) == ({"test clips": 1}, 2)
