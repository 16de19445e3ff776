"""What a generator would be fine-tuned on in DCASE 2023: published counts, and no clip of the target's test."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.audio.files import AudioRef
from gensup.captions.faults import fault_rows
from gensup.captions.tokens import LIMITS, Limit, checked
from gensup.metadata import first_shot, read_names
from gensup.steps.references import chosen
from gensup.synthesis.finetuning.examples import Role, TrainingClip
from gensup.synthesis.finetuning.holdout import hold_out
from gensup.synthesis.finetuning.mixture import all_captions
from gensup.synthesis.finetuning.sampler import Sampler

NAMES = Path(__file__).resolve().parents[4] / "shared" / "dcase" / "filenames"
LISTS = ("2023_dev_train", "2023_dev_test", "2023_eval_train", "2023_eval_test_labelled")
TARGET = "ToyDrone"


@pytest.fixture(scope="module")
def clips() -> list[TrainingClip]:
    names = [clip for name in LISTS for clip in read_names(NAMES / f"{name}.txt")]
    found = chosen(["all"], [TARGET], {clip.machine for clip in names if clip.machine})
    taken, aside = first_shot(NAMES, names, TARGET, reference=found.machines)
    assert dict(aside.counts) == {"test clips": 200}
    roles: tuple[tuple[Role, tuple[object, ...]], ...] = (("target", taken.target), ("reference", taken.reference))
    return [
        TrainingClip(clip, AudioRef(Path(clip.path), 16_000), clip.path, 10.0, role)  # type: ignore[attr-defined,arg-type]
        for role, members in roles
        for clip in members
    ]


def test_roles(clips: list[TrainingClip]) -> None:
    target = [clip for clip in clips if clip.machine == TARGET]
    assert len(target) == 1000
    assert all("/train/" in clip.clip.path and clip.condition == "normal" for clip in target)
    assert {clip.role for clip in target} == {"target"}
    gearbox = [clip.condition for clip in clips if clip.machine == "gearbox"]
    assert (gearbox.count("normal"), gearbox.count("anomaly")) == (1100, 100)


def test_shares(clips: list[TrainingClip]) -> None:
    machines = {clip.machine for clip in clips}
    cells = Sampler(clips, 0).cells()
    for machine in machines:
        own = [cell for cell in cells if cell.machine == machine]
        assert sum(cell.share for cell in own) == pytest.approx(1 / len(machines))
        anomalies = sum(cell.share for cell in own if cell.condition == "anomaly") * len(machines)
        assert anomalies == pytest.approx(0 if machine == TARGET else 0.35)
        for condition in {cell.condition for cell in own}:
            both = [cell for cell in own if cell.condition == condition]
            target = sum(cell.share for cell in both if cell.target_domain)
            assert target >= 0.1 * sum(cell.share for cell in both) - 1e-12


def test_captions_fit_the_encoder_and_guess_no_fault(clips: list[TrainingClip]) -> None:
    captions = all_captions(clips)
    assert len(checked(captions, [Limit(LIMITS["clap"])])) == len(captions) < 1000
    words = {row.words for row in fault_rows().values()}
    for caption in captions:
        said = caption.replace("an unusual, irregular sound", "")
        assert not [word for word in words if word in said]


def test_what_is_held_out(clips: list[TrainingClip]) -> None:
    held = hold_out(clips, 0, machine="gearbox")
    assert {clips[row].machine for row in held.machine} == {"gearbox"}
    assert len(held.machine) == 1200
    for machine in {clip.machine for clip in clips} - {"gearbox"}:
        rows = {row for row, clip in enumerate(clips) if clip.machine == machine}
        gone = rows & set(held.groups)
        assert 0 < len(gone) <= 0.25 * len(rows)
