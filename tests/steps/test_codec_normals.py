"""Where clips come from a codec, candidates are fitted on normals that went through it, and no codec is taken for a
fault."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.metrics import auc
from gensup.selection.constants import constants
from gensup.selection.fusion import fused
from gensup.selection.panel import normal_places
from gensup.selection.records import ScoreTable
from gensup.steps.fit import fit
from gensup.steps.recordings import Recording, Recordings
from gensup.steps.scoring import joined
from gensup.steps.study import Study
from gensup.steps.synthesize import synthesize
from gensup.steps.synthetic import read_sets
from gensup.steps.table import Exercise, exercise, unfitted
from gensup.steps.tainted import taints
from gensup.steps.tune import Choosing, Tuning, tune
from gensup.steps.verify import verify
from gensup.synthesis.codec import FOLDER, chain_of
from tests.steps.conftest import SEEDED, SETTINGS
from tests.steps.parts import Listener, heard, scoring
from tests.support import sounds
from tests.support.fake_codec import CHAIN, FakeCodec, nothing, twin_set
from tests.support.tiny import contents

CLIPS = 26
CODEC = chain_of(FakeCodec())
SEED_CHAIN = "fake-codec 1 seed"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.machine(tmp_path_factory.mktemp("data"), train=CLIPS, target=5, test=0)


@pytest.fixture(scope="module")
def recordings(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    return heard(root, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def members(recordings: Recordings) -> tuple[Recording, ...]:
    return recordings.members


@pytest.fixture(scope="module")
def coded(members: tuple[Recording, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twins of all recordings, with normals."""
    return twin_set(tmp_path_factory.mktemp("sets") / "coded", members, normals=members)


@pytest.fixture(scope="module")
def seeded(members: tuple[Recording, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twins of nothing but seeds, with normals."""
    out = tmp_path_factory.mktemp("sets") / "seeded"
    return twin_set(out, (), seeds=range(500, 530), chain=SEED_CHAIN, normals=members)


def bare(folder: Path, to: Path) -> Path:
    """The same set without normals."""
    copy = Path(shutil.copytree(folder, to))
    shutil.rmtree(copy / FOLDER)
    return copy


def asked(recordings: Recordings, *sets: Path) -> Exercise:
    return exercise(recordings, read_sets(sets, "fan"), 3)


def scored(recordings: Recordings, overlay: Path, out: Path, *sets: Path) -> ScoreTable:
    score, given = scoring(overlay), asked(recordings, *sets)
    return score.table(given, score.rows(given, Study(out), score.candidates.params), {})


def test_a_chain_has_models_of_its_own_fitted_on_its_normals(recordings: Recordings, coded: Path) -> None:
    found = asked(recordings, coded)
    size, n = len(found.clips), CLIPS
    assert len(found.columns) == len(found.arrangements) * size
    assert size == n + 4 * n + n
    group = found.examples("fan", ("machine", "section")).group
    assert set(group[:n]) == {"fan/00"}
    assert set(group[n:]) == {f"fan/00, {CODEC}"}
    for repeat, arrangement in enumerate(found.arrangements):
        own = found.columns[repeat * size : (repeat + 1) * size]
        assert [c.fold for c in own] == arrangement.fold.tolist()
        assert [c.role == "normal" for c in own] == arrangement.train.tolist()
        fold_of = {c.source: c.fold for c in own[:n]}
        assert all(c.fold == fold_of[c.source] for c in own)
        assert {(c.role, c.chain, c.fitted) for c in own} == {
            ("normal", "none", "none"),
            ("normal", CODEC, CODEC),
            ("sham", CHAIN, CODEC),
            ("anomaly", CHAIN, CODEC),
        }
    # The file of every normal is its recording's.
    files = {key: found.refs[i].path.stem for i, key in enumerate(found.keys[-n:], size - n)}
    assert sorted(files.values()) == sorted(member.key for member in recordings.members)
    # What is fitted at the end hears recordings alone.
    normals, arrangements = found.normals("fan", ("machine",))
    assert normals.key == tuple(member.key for member in recordings.members)
    assert set(normals.group) == {"fan"}
    assert all(a.train.all() and len(a.fold) == n for a in arrangements)
    assert found.questions.keys() == {c.clip for c in found.columns if c.role == "anomaly"}


def test_twins_of_seeds_are_fitted_on_other_seeds_normals_too(recordings: Recordings, seeded: Path) -> None:
    found = asked(recordings, seeded)
    size = len(found.clips)
    own = found.columns[:size]
    (arrangement, *_) = found.arrangements
    trained = {(c.role, c.chain, c.fitted) for c, train in zip(own, arrangement.train, strict=True) if train}
    assert trained == {
        ("normal", "none", "none"),
        ("normal", CODEC, SEED_CHAIN),
        ("sham", SEED_CHAIN, SEED_CHAIN),
    }
    # A seed's twins are held out together, and drawn together.
    twins: dict[str, set[int]] = {}
    for column in own:
        if column.chain == SEED_CHAIN:
            twins.setdefault(column.source, set()).add(column.fold)
    assert len(twins) == 30
    assert {len(folds) for folds in twins.values()} == {1}
    assert set.union(*twins.values()) == set(range(5))


def test_no_model_has_heard_the_twin_of_what_it_scores(
    recordings: Recordings, seeded: Path, overlay: Path, tmp_path: Path
) -> None:
    """Normal twins of one fold replaced by another sound: they are fitted on, but by nobody who scores that fold."""
    score, found = scoring(overlay), asked(recordings, seeded)
    own = found.columns[: len(found.clips)]
    loud = next(i for i, c in enumerate(own) if c.role == "anomaly")
    mine = [i for i, c in enumerate(own) if c.role == "sham" and c.fold == 0]
    refs, keys = list(found.refs), list(found.keys)
    for i in mine:
        refs[i], keys[i] = refs[loud], keys[loud]
    swapped = dataclasses.replace(found, refs=tuple(refs), keys=tuple(keys))
    wanted = [score.candidates.default]
    (before,), (after,) = (
        [row[1] for row in score.rows(given, Study(tmp_path / name), wanted).values()]
        for name, given in (("before", found), ("after", swapped))
    )
    assert before is not None
    assert after is not None
    asks = np.array([c.role == "anomaly" for c in own])
    fold = np.array([c.fold for c in own])
    first, second = before[: len(own)], after[: len(own)]
    np.testing.assert_array_equal(first[asks & (fold == 0)], second[asks & (fold == 0)])
    assert (first[asks & (fold != 0)] != second[asks & (fold != 0)]).all()
    real = np.array([c.fitted == "none" for c in own])
    np.testing.assert_array_equal(first[real], second[real])


def test_a_fault_that_is_nothing_but_the_codec_is_heard_by_nobody_who_knows_the_codec(
    recordings: Recordings, members: tuple[Recording, ...], overlay: Path, tmp_path: Path
) -> None:
    """Without normals of the codec every candidate hears it, and nothing is broken."""
    made = twin_set(tmp_path / "set", members, broken=nothing, severities=(1.0,), paired=False, normals=members)
    found = scored(recordings, overlay, tmp_path / "run", made)
    fooled = scored(recordings, overlay, tmp_path / "other", bare(made, tmp_path / "bare"))
    for table, expected in ((found, 0.5), (fooled, 1.0)):
        assert {exam.question.family for exam in table.exams} == {"hiss"}
        for exam in table.exams:
            heard_by = [auc(row[list(exam.normal)], row[list(exam.anomaly)]) for row in table.scores]
            np.testing.assert_allclose(heard_by, expected, atol=1e-9 if expected == 0.5 else 0.01)
    assert {found.columns[i].chain for exam in found.exams for i in exam.normal} == {CODEC}
    assert {fooled.columns[i].chain for exam in fooled.exams for i in exam.normal} == {"none"}


def test_taint_is_what_is_left_beyond_the_codec(recordings: Recordings, coded: Path, tmp_path: Path) -> None:
    beyond = taints(Inline(), asked(recordings, coded), "fan")
    with_codec = taints(Inline(), asked(recordings, bare(coded, tmp_path / "bare")), "fan")
    assert set(beyond) == set(with_codec) == {CHAIN}
    assert beyond[CHAIN] < constants().tainted < 0.95 < with_codec[CHAIN]


def test_generated_normals_are_told_from_normals_of_the_codec(recordings: Recordings, seeded: Path) -> None:
    assert 0.0 <= taints(Inline(), asked(recordings, seeded), "fan")[SEED_CHAIN] <= 1.0


@pytest.fixture(scope="module")
def faults(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faults added to recordings."""
    out = tmp_path_factory.mktemp("sets") / "faults"
    synthesize(root, "fan", out, settings=dataclasses.replace(SETTINGS, faults=("hiss", "knock")), workers=1)
    return out


def run(root: Path, out: Path, overlay: Path, *sets: Path, **how: object) -> Tuning:
    return tune(
        root, "fan", out, synthetic=sets, settings=SEEDED, detectors=["small"], detectors_overlay=overlay, workers=1,
        **how,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="module")
def mixed(
    root: Path, faults: Path, coded: Path, seeded: Path, overlay: Path, tmp_path_factory: pytest.TempPathFactory
) -> Tuning:
    """A run on sets of three chains."""
    return run(root, tmp_path_factory.mktemp("runs") / "run", overlay, faults, coded, seeded)


def test_sets_of_several_chains_are_each_asked_of_their_own_models(mixed: Tuning) -> None:
    columns = mixed.table.columns
    told: dict[str, set[str]] = {}
    for exam in mixed.table.exams:
        (chain,) = {columns[i].chain for i in exam.anomaly}
        (fitted,) = {columns[i].fitted for i in (*exam.anomaly, *exam.normal)}
        told.setdefault(chain, set()).add(fitted)
    assert told == {"none": {"none"}, CHAIN: {CODEC}, SEED_CHAIN: {SEED_CHAIN}}
    assert set(mixed.table.taint) == {CHAIN, SEED_CHAIN}
    assert verify(mixed.out).findings == ()


def test_faults_are_scored_as_without_the_other_sets(
    mixed: Tuning, recordings: Recordings, faults: Path, overlay: Path, tmp_path: Path
) -> None:
    alone = scored(recordings, overlay, tmp_path, faults)
    places = {(c.clip, c.repeat): i for i, c in enumerate(mixed.table.columns) if c.fitted == "none"}
    rows = [places[c.clip, c.repeat] for c in alone.columns]
    assert alone.trials == mixed.table.trials
    np.testing.assert_array_equal(mixed.table.scores[:, rows], alone.scores)


def test_what_is_built_hears_recordings_and_its_threshold_is_theirs(
    root: Path, coded: Path, overlay: Path, tmp_path: Path
) -> None:
    done = run(root, tmp_path / "run", overlay, coded, choosing=Choosing(answer="default"))
    fit(root, "fan", "small", tmp_path / "fit", seed=3, detectors_overlay=overlay, workers=1)
    assert contents(done.detector) == contents(tmp_path / "fit")
    places = normal_places(done.table)
    assert {done.table.columns[i].chain for i in places} == {"none"}
    assert len(places) == 3 * CLIPS


def test_every_column_goes_by_the_normals_of_its_own_models(mixed: Tuning) -> None:
    scores = fused(mixed.table, [0, 1])
    for fitted in ("none", CODEC, SEED_CHAIN):
        own = scores[normal_places(mixed.table, fitted)]
        np.testing.assert_allclose([own.mean(), own.std()], [0, 1], atol=1e-9)


def test_a_run_is_continued_and_another_set_is_another_run(
    root: Path, mixed: Tuning, faults: Path, coded: Path, seeded: Path, overlay: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(mixed.out, tmp_path / "run"))
    lines = (out / "trials" / "journal.jsonl").read_text().splitlines(keepends=True)
    (out / "trials" / "journal.jsonl").write_text("".join(lines[: len(lines) // 2]))
    run(root, out, overlay, faults, coded, seeded)
    assert contents(out) == contents(mixed.out)
    with pytest.raises(GensupError, match="another configuration"):
        run(root, out, overlay, faults, bare(coded, tmp_path / "bare"), seeded)


def test_a_set_that_lacks_normals_is_asked_and_it_is_said(
    recordings: Recordings, coded: Path, members: tuple[Recording, ...], tmp_path: Path
) -> None:
    def said(folder: Path) -> list[str]:
        return list(unfitted(recordings, read_sets([folder], "fan")))

    assert said(coded) == []
    without = bare(coded, tmp_path / "bare")
    (line,) = said(without)
    assert "fitted on recordings" in line
    assert "there is no normals/" in line
    few = twin_set(tmp_path / "few", members, normals=members[:5])
    assert "of 26 recordings of section 00 it has 5" in said(few)[0]
    most = twin_set(tmp_path / "most", members, normals=members[2:])
    assert said(most) == [f"the set of {CHAIN} lacks 2 of 26 recordings after its codec: fitted on the others"]
    for folder in (without, few):
        assert {c.fitted for c in asked(recordings, folder).columns} == {"none"}
    assert sum(c.chain == CODEC for c in asked(recordings, most).columns) == 3 * (CLIPS - 2)


def test_damaged_normals_are_named(root: Path, coded: Path, overlay: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(coded, tmp_path / "set"))
    victim = next((out / FOLDER).glob("*.wav"))
    victim.write_bytes(victim.read_bytes()[:-2] + b"\x01\x01")
    with pytest.raises(GensupError, match="not what its row says"):
        read_sets([out], "fan")
    (finding,) = verify(out).findings
    assert (finding.state, finding.path) == ("altered", str(victim))
    assert verify(coded).checked["normals"] == CLIPS
    shutil.copy(coded / FOLDER / victim.name, victim)
    manifest = out / FOLDER / "normals.jsonl"
    rows = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(rows[:-3]))
    with pytest.raises(GensupError, match=r"without a row.*its row in normals\.jsonl.*synthesize"):
        read_sets([out], "fan")
    manifest.unlink()
    assert "the set's normals are not finished" in [f.what for f in verify(out).findings]
    shutil.copy(coded / FOLDER / "normals.jsonl", out / FOLDER)
    (out / FOLDER / "x.wav").touch()
    assert [f.what for f in verify(out).findings] == ["a file without a row"]


def test_further_rungs_are_asked_of_the_same_models(
    recordings: Recordings, members: tuple[Recording, ...], overlay: Path, tmp_path: Path
) -> None:
    seeds = range(500, 520)
    first = twin_set(tmp_path / "first", (), seeds=seeds, chain=SEED_CHAIN, severities=(1.0,), normals=members)
    wanted = twin_set(tmp_path / "wanted", (), seeds=seeds[:12], chain=SEED_CHAIN, severities=(4.0,))
    both = twin_set(tmp_path / "both", (), seeds=seeds, chain=SEED_CHAIN, severities=(1.0, 4.0), normals=members)
    score, given = scoring(overlay), read_sets([first], "fan")
    own = exercise(recordings, given, 3)
    table = score.table(own, score.rows(own, Study(tmp_path / "run"), score.candidates.params), {})
    more = exercise(recordings, given.further(read_sets([wanted], "fan")), 3)
    rows = score.rows(more, Study(tmp_path / "run", "wanted"), [t.id for t in table.trials])
    found = joined(table, own, more, rows)
    assert len(found.columns) == len(own.columns) + 3 * 12
    whole = scored(recordings, overlay, tmp_path / "whole", both)
    places = {(c.clip, c.repeat, c.fitted): i for i, c in enumerate(whole.columns)}
    expected = whole.scores[:, [places[c.clip, c.repeat, c.fitted] for c in found.columns]]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4)


def test_the_note_reaches_the_listener(root: Path, coded: Path, overlay: Path, tmp_path: Path) -> None:
    ears = Listener()
    run(root, tmp_path / "run", overlay, bare(coded, tmp_path / "bare"), progress=ears)
    assert any(CHAIN in line and "fitted on recordings" in line for line in ears.said)


def test_labels_are_opened_and_pictures_are_drawn_of_recordings(data: Path, overlay: Path, tmp_path: Path) -> None:
    members = heard(data, tmp_path / "x").members
    done = run(data, tmp_path / "run", overlay, twin_set(tmp_path / "set", members, normals=members), oracle=True)
    assert done.unjudged is None
    assert (done.out / "evaluation" / "oracle.json").is_file()
    shown = json.loads((done.out / "trials" / "table.json").read_text())
    assert len(set(shown["clips"])) == len(shown["clips"]) == 14 + 4 * 14
    assert shown["roles"].count("normal") == 14
