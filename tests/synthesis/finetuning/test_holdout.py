"""Held-out groups and machines: nothing of them is trained on, and training keeps what it needs."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from gensup.synthesis.finetuning.holdout import HeldOut, hold_out
from tests.synthesis.finetuning.clips import dcase, training_clip

WAYS = [f"vel_{i}" for i in range(20)]
CLIPS = [
    *dcase("fan", WAYS),
    *dcase("bearing", ["vel_1", "vel_2"]),
    *dcase("valve"),
    *dcase("ToyDrone", WAYS, "target"),
]


def every(held: HeldOut) -> list[int]:
    return sorted((*held.training, *held.groups, *held.machine, *held.aside))


@pytest.mark.parametrize("seed", range(5))
def test_a_share_of_groups_and_whole_groups(seed: int) -> None:
    held = hold_out(CLIPS, seed)
    assert every(held) == list(range(len(CLIPS)))
    trained = {(CLIPS[row].machine, CLIPS[row].operation) for row in held.training}
    kept_out = {(CLIPS[row].machine, CLIPS[row].operation) for row in held.groups}
    assert not trained & kept_out
    count = {name: sum(machine == name for machine, _ in kept_out) for name in ("fan", "bearing", "valve", "ToyDrone")}
    assert count == {"fan": 2, "bearing": 1, "valve": 0, "ToyDrone": 2}
    # The one target clip of a machine stays in training.
    assert {CLIPS[row].machine for row in held.training if CLIPS[row].clip.domain == "target"} >= {"fan", "ToyDrone"}


def test_the_seed_decides_and_order_does_not() -> None:
    assert hold_out(CLIPS, 1) == hold_out(CLIPS, 1)
    assert len({hold_out(CLIPS, seed).groups for seed in range(5)}) > 1
    backwards = list(reversed(CLIPS))
    assert {backwards[row].clip.path for row in hold_out(backwards, 1).groups} == {
        CLIPS[row].clip.path for row in hold_out(CLIPS, 1).groups
    }
    assert hold_out(CLIPS, 1, share=0).groups == ()


def test_training_keeps_every_condition_and_domain() -> None:
    few = [
        training_clip("fan/train/section_00_source_train_normal_0000_vel_1.wav"),
        training_clip("fan/test/section_00_source_test_anomaly_0000_vel_2.wav"),
    ]
    assert hold_out(few, 0).training == (0, 1)


@pytest.mark.parametrize("seed", range(8))
def test_a_group_that_is_most_of_a_machine_stays(seed: int) -> None:
    clips = dcase("fan", ["vel_1"] * 5 + ["vel_2"], "target")
    held = hold_out(clips, seed)
    assert {clips[row].operation[1][0][1] for row in held.groups} == {"2"}
    two = dcase("fan", ["vel_1", "vel_2"], "target")[:99]
    assert len(hold_out(two, seed).groups) == 49, "the smaller of two halves"


def test_damage_is_no_way_of_running() -> None:
    names = [f"ToyCar/A1/anomaly/CA001-carA1-speed1-{d}-damageL_mic1_0000{i}.wav" for d in "abcd" for i in range(3)]
    assert hold_out([training_clip(name) for name in names], 0).groups == ()


def test_a_machine_held_out_under_all_its_names() -> None:
    clips = [*CLIPS, *dcase("valveEmu")]
    held = hold_out(clips, 0, machine="valve")
    assert {clips[row].machine for row in held.machine} == {"valve"}
    assert {clips[row].machine for row in held.aside} == {"valveEmu"}
    assert {clips[row].machine for row in held.training} == {"fan", "bearing", "ToyDrone"}
    assert every(held) == list(range(len(clips)))


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        ("ToyDrone", "a target cannot be held out"),
        ("sliderEmu", "it is the target slider under another name"),
        ("valv", "did you mean valve"),
    ],
)
def test_what_cannot_be_held_out(machine: str, message: str) -> None:
    clips = [*CLIPS, *dcase("sliderEmu"), *dcase("slider", role="target")]
    with pytest.raises(GensupError, match=message):
        hold_out(clips, 0, machine=machine)
    with pytest.raises(GensupError, match="nothing is left"):
        hold_out(dcase("fan"), 0, machine="fan")
    with pytest.raises(GensupError, match="not a share"):
        hold_out(clips, 0, share=1.0)
