"""The training on a toy: killed or spread over parts it is the same, and what is not finite does no harm."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gensup.errors import GensupError
from gensup.synthesis.finetuning.course import Course
from gensup.training import snapshots
from gensup.training.loop import IN_A_ROW, Trainer
from tests.support.children import status
from tests.support.tiny import contents
from tests.synthesis.finetuning.toy import COURSE, train_and_die, trainer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are rounded by how they are spread over threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(folder: Path, course: Course = COURSE, **how: object) -> Trainer:
    done = trainer(folder, course, **how)  # type: ignore[arg-type]
    for _ in done.run():
        pass
    return done


def weights(done: Trainer) -> torch.Tensor:
    return torch.cat([value.detach().reshape(-1) for value in done.parameters.values()])


def test_killed_it_continues_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    assert status(train_and_die, tmp_path / "killed", 6) == -signal.SIGKILL
    left = snapshots.newest(tmp_path / "killed" / "checkpoints")
    assert left is not None
    assert left.name == "step-000000004"
    assert [row["step"] for row in history(tmp_path / "killed")] == [3, 6]
    again = trainer(tmp_path / "killed")
    assert again.standing.step == 4
    for _ in again.run():
        pass
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert [row["step"] for row in history(tmp_path / "whole")] == [3, 6, 9, 12]
    step, learnt = again.learnt()
    assert (step, *(value.tolist() for value in learnt.values())) == (
        whole.learnt()[0],
        *(value.tolist() for value in whole.learnt()[1].values()),
    )


def history(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_finished_training_does_nothing(tmp_path: Path) -> None:
    before = contents(trained(tmp_path).folder)
    assert list(trainer(tmp_path).run()) == []
    assert contents(tmp_path) == before


def test_parts_of_a_batch_are_the_batch(tmp_path: Path) -> None:
    one = trained(tmp_path / "one")
    several = trained(tmp_path / "several", replace(COURSE, accumulate=3))
    torch.testing.assert_close(weights(several), weights(one), rtol=1e-4, atol=1e-6)
    other = trained(tmp_path / "other", replace(COURSE, seed=2))
    assert not torch.allclose(weights(other), weights(one), rtol=1e-4, atol=1e-6)


def test_a_step_without_a_finite_loss_is_passed_over_and_counted(tmp_path: Path) -> None:
    done = trainer(tmp_path, bad=[2, 3])
    before = []
    for step in done.run():
        before.append(weights(done).clone())
        assert step.taken is (step.number not in (3, 4))
    assert torch.equal(before[1], before[3])
    assert not torch.equal(before[3], before[4])
    assert torch.isfinite(before[-1]).all()
    assert done.standing.skipped == 2
    assert done.standing.updates == done.ema.updates == COURSE.steps - 2
    assert history(tmp_path)[-1]["skipped"] == 2


def test_a_training_that_comes_apart_ends_and_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    course = replace(COURSE, steps=40, checkpoint_every=5)
    with pytest.raises(GensupError, match=rf"{IN_A_ROW} steps in a row.*step-000000005"):
        trained(tmp_path, course, bad=range(7, 40))
    kept = snapshots.newest(tmp_path / "checkpoints")
    assert kept is not None
    tensors = snapshots.load_tensors(kept / "weights.safetensors")
    assert all(torch.isfinite(value).all() for value in tensors.values())


def test_the_best_validation_is_what_was_learnt(tmp_path: Path) -> None:
    done = trained(tmp_path, losses=[3.0, 1.0, 2.0, 1.5])
    step, learnt = done.learnt()
    assert step == 6
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["step-000000006"]
    assert any(not torch.equal(learnt[name], done.ema.average[name]) for name in learnt)
    assert [row["held_out"]["toy"] for row in history(tmp_path)] == [3.0, 1.0, 2.0, 1.5]  # type: ignore[index]


def test_patience_ends_it(tmp_path: Path) -> None:
    done = trained(tmp_path, replace(COURSE, patience=2), losses=[1.0, 2.0, 1.0, 0.5])
    assert done.standing.step == 9
    assert list(trainer(tmp_path, replace(COURSE, patience=2)).run()) == []


def test_only_the_newest_checkpoint_stays_and_no_pickle(tmp_path: Path) -> None:
    trained(tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000000012"]
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".safetensors", ".json", ".jsonl"}


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    trained(tmp_path)
    damaged = tmp_path / "checkpoints" / "step-000000012" / "optimizer.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-8])
    with pytest.raises(GensupError, match=r"damaged checkpoint.*"):
        trainer(tmp_path)


def test_what_a_killed_writer_left_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / ".step-000000004.partial").mkdir(parents=True)
    assert snapshots.newest(tmp_path / "checkpoints") is None
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "old").write_text("old")
    tensors = {"weights": {"a": torch.ones(2)}}
    with pytest.raises(GensupError, match="cannot be written as JSON"):
        snapshots.write(tmp_path / "kept", snapshots.Snapshot(tensors, {"loss": float("nan")}))
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "old"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": 0}, "--steps"),
        ({"batch": 2, "accumulate": 3}, "--batch"),
        ({"rate": float("nan")}, "--lr"),
        ({"min_snr": 0.0}, "--min-snr"),
        ({"rank": 0}, "--lora"),
        ({"dtype": "float64"}, "--dtype"),
        ({"parts": ("unet", "language_model")}, "cached embeddings"),
    ],
)
def test_a_course_that_makes_no_sense_is_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(GensupError, match=word):
        replace(COURSE, **change).checked()  # type: ignore[arg-type]


def test_the_rate_goes_by_what_is_trained() -> None:
    assert Course().learning_rate == 1e-4
    assert Course(rank=None).learning_rate == 1e-5
    assert Course(rate=3e-4).learning_rate == 3e-4
