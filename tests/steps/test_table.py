"""Who is fitted on, who asks, and in which fold: no model that heard a clip scores what was made of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.selection.records import LEFT_OUT
from gensup.steps.recordings import Recording, Recordings
from gensup.steps.synthetic import UNPAIRED, Synthetic
from gensup.steps.table import conditions_left_out, exercise
from gensup.synthesis.twinset import SyntheticClip

NOWHERE = Path("nowhere")


def recordings(count: int = 40, target: int = 10, sections: int = 1, speeds: int = 2) -> Recordings:
    """Clips r00, r01, ... of keys k00, k01, ..."""
    members = tuple(
        Recording(
            clip=Clip(
                path=f"r{i:02d}.wav",
                machine="fan",
                section=f"{i % sections:02d}",
                domain="target" if i < target else "source",
                split="train",
                condition="normal",
                attributes=(("spd", str(i % speeds)),),
            ),
            ref=AudioRef(NOWHERE / f"r{i:02d}.wav", 8000, 0),
            key=f"k{i:02d}",
            seconds=1.0,
        )
        for i in range(count)
    )
    return Recordings("fan", members, 8000, 0)


def made(
    name: str, source: int | None, *, chain: str = "none", nuisance: str | None = None, **how: object
) -> SyntheticClip:
    anomalous = name.startswith("a")
    clip = SyntheticClip(
        id=name,
        file=NOWHERE / name,
        condition="anomaly" if anomalous else "normal",
        caption="",
        twin=f"n{source}-{chain}" if anomalous else name,
        source=None if source is None else f"k{source:02d}",
        machine="fan",
        section="00",
        domain=None,
        family="hiss",
        mechanism="noise",
        status="cited",
        severity=0.5 if anomalous else 0.0,
        chain=chain,
        sha256=f"sha-{name}",
        nuisance=nuisance,
    )
    return dataclasses.replace(clip, **how)  # type: ignore[arg-type]


def of_sources(sources: range, chain: str = "none") -> list[SyntheticClip]:
    """A normal twin, a louder copy of it and an anomaly of each."""
    return [
        clip
        for i in sources
        for clip in (
            made(f"n{i}-{chain}", i, chain=chain),
            made(f"louder{i}-{chain}", i, chain=chain, nuisance="gain+3dB"),
            made(f"a{i}-{chain}", i, chain=chain),
        )
    ]


def test_what_was_made_of_a_clip_stays_in_its_fold() -> None:
    clips = [*of_sources(range(8)), *of_sources(range(6, 12), "zip")]
    found = exercise(recordings(), Synthetic(tuple(clips), True, ()), 0)
    assert len(found.arrangements) == 3
    size = len(found.clips)
    assert len(found.columns) == 3 * size == 3 * len(found.refs) == 3 * len(found.keys)
    for repeat, arrangement in enumerate(found.arrangements):
        own = found.columns[repeat * size : (repeat + 1) * size]
        assert {c.repeat for c in own} == {repeat}
        assert [c.fold for c in own] == arrangement.fold.tolist()
        fold_of = {c.source: c.fold for c in own if c.role == "normal"}
        assert len(fold_of) == 40
        assert all(c.fold == fold_of[c.source] for c in own)
        # Only recordings are fitted on, whatever went through a chain.
        assert [c.role == "normal" for c in own] == arrangement.train.tolist()
        target_folds = [fold_of[f"k{i:02d}"] for i in range(10)]
        assert np.bincount(target_folds).tolist() == [2] * 5
    assert len({a.fold.tobytes() for a in found.arrangements}) == 3


def test_roles_and_whose_twins_stand_in_the_table() -> None:
    clips = [*of_sources(range(2)), *of_sources(range(2), "zip")]
    found = exercise(recordings(), Synthetic(tuple(clips), True, ()), 0)
    asked = {c.clip: (c.role, c.chain, c.target_domain) for c in found.columns[40 : len(found.clips)]}
    assert asked == {
        # The twin of a fault that was added to a recording is the recording, which is there.
        "louder0-none": ("nuisance", "none", True),
        "a0-none": ("anomaly", "none", True),
        "louder1-none": ("nuisance", "none", True),
        "a1-none": ("anomaly", "none", True),
        "n0-zip": ("sham", "zip", True),
        "louder0-zip": ("nuisance", "zip", True),
        "a0-zip": ("anomaly", "zip", True),
        "n1-zip": ("sham", "zip", True),
        "louder1-zip": ("nuisance", "zip", True),
        "a1-zip": ("anomaly", "zip", True),
    }
    assert set(found.questions) == {"a0-none", "a1-none", "a0-zip", "a1-zip"}
    assert (found.questions["a0-zip"].family, found.questions["a0-zip"].severity) == ("hiss", 0.5)
    # A made clip is of its source's group and domain.
    examples = found.examples("fan", ("machine", "section"))
    assert set(examples.group) == {"fan/00"}
    assert examples.target_domain is not None
    assert examples.target_domain.tolist() == [True] * 10 + [False] * 30 + [True] * 10
    assert examples.key[40:42] == ("sha-louder0-none", "sha-a0-none")
    normals, arrangements = found.normals("fan", ("machine",))
    assert normals.key == tuple(f"k{i:02d}" for i in range(40))
    assert all(a.train.all() and len(a.fold) == 40 for a in arrangements)


def test_three_hundred_clips_are_arranged_once() -> None:
    assert len(exercise(recordings(60), Synthetic((), True, ()), 0).arrangements) == 3
    members = tuple(
        dataclasses.replace(m, key=f"{i}{m.key}", clip=dataclasses.replace(m.clip, path=f"{i}{m.clip.path}"))
        for i in range(6)
        for m in recordings(50).members
    )
    assert (
        len(exercise(dataclasses.replace(recordings(), members=members), Synthetic((), True, ()), 0).arrangements) == 1
    )


def test_one_sound_under_two_names() -> None:
    """Held out together, and what was made of it with both."""
    base = recordings()
    twice = dataclasses.replace(base.members[3], clip=dataclasses.replace(base.members[3].clip, path="again.wav"))
    found = exercise(
        dataclasses.replace(base, members=(*base.members, twice)), Synthetic(tuple(of_sources(range(5))), True, ()), 0
    )
    size = len(found.clips)
    for repeat in range(3):
        folds = {c.fold for c in found.columns[repeat * size : (repeat + 1) * size] if c.source == "k03"}
        assert len(folds) == 1


def test_one_sound_cannot_be_held_out() -> None:
    twice = dataclasses.replace(recordings(2), members=recordings(1).members * 2)
    with pytest.raises(GensupError, match=r"fan: too few normal clips \(got 1\).*give more normal clips"):
        exercise(twice, Synthetic((), True, ()), 0)


def test_the_order_of_recordings_does_not_matter() -> None:
    base, synthetic = recordings(), Synthetic(tuple(of_sources(range(5))), True, ())
    order = np.random.default_rng(0).permutation(40)
    shuffled = dataclasses.replace(base, members=tuple(base.members[i] for i in order))
    assert set(exercise(base, synthetic, 0).columns) == set(exercise(shuffled, synthetic, 0).columns)
    assert set(exercise(base, synthetic, 0).columns) != set(exercise(base, synthetic, 1).columns)


def test_what_nothing_was_recorded_for_is_asked_in_a_fold_of_its_own() -> None:
    strays = tuple(made(f"a{i}", None, chain="unknown", twin=None, domain=None) for i in range(60))
    found = exercise(recordings(), Synthetic(strays, False, ()), 0)
    assert not found.paired
    folds = np.array([c.fold for c in found.columns[40 : len(found.clips)]])
    assert set(folds) == set(range(5))
    assert [c.source for c in found.columns[40:100]] == [s.id for s in strays]


def test_twins_of_other_recordings_are_refused() -> None:
    with pytest.raises(GensupError, match="1 sources"):
        exercise(recordings(), Synthetic((made("a", 77),), True, ()), 0)


def test_what_a_stray_does_not_say_is_said_for_it() -> None:
    stray = made("a", None, twin=None, family=None, mechanism=None, status=None)
    question = exercise(recordings(), Synthetic((stray,), False, ()), 0).questions["a"]
    assert (question.family, question.mechanism, question.status) == (UNPAIRED.family, "unknown", "generic")


def test_a_condition_left_out_is_one_of_the_section_that_has_most() -> None:
    # Section 01 alone has several speeds.
    base = recordings(40, sections=2, speeds=4)
    members = tuple(
        m
        if m.clip.section == "01"
        else dataclasses.replace(m, clip=dataclasses.replace(m.clip, attributes=(("spd", "9"),)))
        for m in base.members
    )
    aside = conditions_left_out(dataclasses.replace(base, members=members), 0)
    assert aside is not None
    assert {clip.section for clip in aside.clips} == {"01"}
    assert {c.repeat for c in aside.columns} == {LEFT_OUT}
    assert {c.role for c in aside.columns} == {"normal", "anomaly"}
    assert aside.questions == {}
    (arrangement,) = aside.arrangements
    assert arrangement.train.all()
    assert arrangement.also is not None
    for condition in {clip.attributes for clip in aside.clips}:
        mine = [i for i, clip in enumerate(aside.clips) if clip.attributes == condition]
        asking = [i for i in mine if aside.columns[i].role == "anomaly"]
        (own,) = {aside.columns[i].fold for i in asking}
        assert all(
            own in (arrangement.fold[i], arrangement.also[i]) for i in mine
        )  # nobody fits its own condition there


def test_one_condition_is_not_left_out() -> None:
    assert conditions_left_out(recordings(speeds=1), 0) is None


def test_of_many_clips_some_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from gensup.selection.constants import constants
    from gensup.steps import table

    few = dataclasses.replace(constants(), left_out_clips=12)
    monkeypatch.setattr(table, "constants", lambda: few)
    aside = conditions_left_out(recordings(), 0)
    assert aside is not None
    assert len(aside.clips) == len(set(aside.keys)) == 12
