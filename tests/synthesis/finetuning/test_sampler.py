"""Shares of draws against what was asked for, and the same draws at the same step."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gensup.errors import GensupError
from gensup.synthesis.finetuning.sampler import Sampler
from tests.synthesis.finetuning.clips import dcase, training_clip

# 81, 9 and 9 source clips: roots 9, 3 and 3.
WAYS = ["vel_1"] * 9 + ["vel_2", "vel_3"]
CLIPS = [*dcase("fan", WAYS), *dcase("bearing"), *dcase("ToyDrone", role="target")]


def counted(sampler: Sampler, steps: int = 400, batch: int = 32) -> np.ndarray:
    drawn = np.concatenate([sampler.draw(step, batch) for step in range(steps)])
    return np.bincount(drawn, minlength=len(sampler.clips))


def test_machines_are_alike_and_conditions_as_stated() -> None:
    sampler = Sampler(CLIPS, 0)
    seen = counted(sampler)
    cells = {
        (machine, condition): sum(
            n for n, clip in zip(seen, CLIPS, strict=True) if (clip.machine, clip.condition) == (machine, condition)
        )
        for machine in ("fan", "bearing", "ToyDrone")
        for condition in ("normal", "anomaly")
    }
    assert cells.pop(("ToyDrone", "anomaly")) == 0
    expected = {name: seen.sum() / 3 * share for name, share in _STATED.items()}
    assert set(cells) == set(expected)
    _, p = stats.chisquare([cells[name] for name in expected], list(expected.values()))
    assert p > 0.01


_STATED = {
    ("fan", "normal"): 0.65,
    ("fan", "anomaly"): 0.35,
    ("bearing", "normal"): 0.65,
    ("bearing", "anomaly"): 0.35,
    ("ToyDrone", "normal"): 1.0,
}


def test_groups_go_with_the_root_and_the_target_domain_has_its_tenth() -> None:
    sampler = Sampler(CLIPS, 1)
    seen = counted(sampler)
    groups: dict[tuple[str, str], int] = {}
    for n, clip in zip(seen, CLIPS, strict=True):
        if clip.machine == "fan" and clip.condition == "normal":
            name = (str(clip.clip.domain), clip.clip.attributes[0][1])
            groups[name] = groups.get(name, 0) + int(n)
    expected = {("source", "1"): 0.9 * 9 / 15, ("source", "2"): 0.9 * 3 / 15, ("source", "3"): 0.9 * 3 / 15}
    expected["target", "77"] = 0.1  # by roots it would be 1 in 16
    assert set(groups) == set(expected)
    total = sum(groups.values())
    assert stats.chisquare([groups[n] for n in expected], [total * s for s in expected.values()]).pvalue > 0.01


def test_a_target_domain_that_has_more_by_its_groups_keeps_it() -> None:
    sampler = Sampler(CLIPS, 0)
    found = {(c.machine, c.condition, c.target_domain): c.share for c in sampler.cells()}
    # Five anomalies in each domain, the same attributes in both.
    assert found["fan", "anomaly", True] == pytest.approx(0.35 / 3 / 2)
    assert found["fan", "anomaly", False] == pytest.approx(0.35 / 3 / 2)
    assert sum(found.values()) == pytest.approx(1)


def test_within_a_group_every_clip_is_alike() -> None:
    sampler = Sampler(CLIPS, 0)
    rows = [i for i, clip in enumerate(CLIPS) if clip.machine == "bearing" and clip.condition == "normal"]
    assert len({round(float(sampler.shares[i]), 12) for i in rows if CLIPS[i].clip.domain == "source"}) == 1


@pytest.mark.parametrize(
    ("names", "shares"),
    [
        (["pump/train/section_00_source_train_normal_0000"], [1.0]),
        (["pump/test/section_00_source_test_anomaly_0000"], [1.0]),
        (["pump/train/section_00_target_train_normal_0000", "pump/test/section_00_target_test_anomaly_0000"], None),
        (["pump/id_00/normal/00000000", "pump/id_00/abnormal/00000000"], None),
    ],
)
def test_what_a_machine_does_not_have_leaves_its_share(names: list[str], shares: list[float] | None) -> None:
    sampler = Sampler([training_clip(f"{name}.wav") for name in names], 0)
    assert sampler.shares == pytest.approx([0.65, 0.35] if shares is None else shares)


def test_a_step_is_drawn_alike_whenever_it_is_drawn() -> None:
    one, other = Sampler(CLIPS, 5), Sampler(CLIPS, 5)
    through = [one.draw(step, 8).tolist() for step in range(20)]
    assert [other.draw(step, 8).tolist() for step in range(12, 20)] == through[12:], "resumed at step 12"
    assert len({tuple(batch) for batch in through}) == 20
    assert Sampler(CLIPS, 6).draw(0, 8).tolist() != through[0]
    assert one.draw(3, 0).tolist() == []


def test_cells_count_what_was_drawn() -> None:
    sampler = Sampler(CLIPS, 5)
    cells = sampler.cells(range(10), 16)
    seen = counted(sampler, 10, 16)
    assert sum(cell.seen for cell in cells) == seen.sum() == 160
    assert sum(cell.clips for cell in cells) == len(CLIPS)
    drone = [cell for cell in cells if cell.machine == "ToyDrone"]
    assert [(cell.condition, cell.target_domain, cell.clips) for cell in drone] == [
        ("normal", False, 99),
        ("normal", True, 1),
    ]
    assert sum(c.seen for c in drone) == sum(n for n, c in zip(seen, CLIPS, strict=True) if c.machine == "ToyDrone")


def test_what_cannot_be_drawn_from() -> None:
    with pytest.raises(GensupError, match="no clips to train on"):
        Sampler([], 0)
    both = [
        training_clip("fan/train/section_00_source_train_normal_0000.wav", role) for role in ("target", "reference")
    ]
    with pytest.raises(GensupError, match="both a target and a reference"):
        Sampler(both, 0)
