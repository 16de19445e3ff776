"""gensup finetune: what is opened and what never, what is left, and that it can be killed, shared and repeated."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import soundfile
import torch

from gensup.cli import main
from gensup.errors import GensupError
from gensup.steps.finetune import Finetuning, finetune
from gensup.steps.progress import Quiet
from gensup.store import RunLock
from gensup.synthesis.diffusion.checkpoint import open_checkpoint
from gensup.synthesis.finetuning.course import Course
from tests.support import sounds
from tests.support.children import begun, status
from tests.support.tiny import contents
from tests.support.tiny_diffusion import save_tiny

T = TypeVar("T")
COURSE = Course(
    rank=2, steps=3, batch=2, rate=1e-3, warmup=1, seconds=0.3, wraps=1, validate_every=2, checkpoint_every=2, seed=1
)
LONGER = replace(COURSE, steps=5)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are rounded by how they are spread over threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two references with anomalies, and a target whose test clips would be a disaster to open."""
    root = tmp_path_factory.mktemp("data")
    for name in ("fan", "valve", "ToyCar"):
        sounds.machine(root, name=name, train=4, target=1, test=2)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny", "audioldm", halvings=2)


def run(data: Path, model: Path, out: Path, course: Course = COURSE, **how: object) -> Finetuning:
    asked: dict[str, object] = {"target": ["ToyCar"], "hold_out_machine": "valve", "generated": 4, "device": "cpu"}
    return finetune([data], out, model=str(model), course=course, workers=1, **asked | how)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def done(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Finetuning:
    return run(data, model, tmp_path_factory.mktemp("runs") / "ft")


def test_what_it_leaves(done: Finetuning, model: Path) -> None:
    assert {"run.json", "log.jsonl", "history.jsonl", "adapter.json", "adapter.safetensors"} <= {
        path.name for path in done.out.iterdir()
    }
    said = json.loads((done.out / "run.json").read_text())
    assert said["config"]["reference"]["machines"] == ["fan", "valve"]
    assert said["config"]["course"]["rate"] == 1e-3
    assert said["training"]["condition_auc"] == done.outcome.condition_auc
    checkpoint = open_checkpoint(str(done.out))
    assert (checkpoint.family, checkpoint.folder) == ("audioldm", model.resolve())
    rows = [json.loads(line) for line in (done.out / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 3]
    assert set(rows[0]["held_out"]) == {"groups", "machine"}


def test_clips_are_counted_by_cell(done: Finetuning) -> None:
    assert sum(cell.seen for cell in done.cells) == COURSE.steps * COURSE.batch
    assert {cell.machine for cell in done.cells} == {"fan", "ToyCar"}
    assert all(cell.condition == "normal" for cell in done.cells if cell.machine == "ToyCar")
    assert any(cell.condition == "anomaly" for cell in done.cells if cell.machine == "fan")


def test_the_same_command_again_does_nothing_and_another_is_refused(done: Finetuning, data: Path, model: Path) -> None:
    before = {name: sha for name, sha in contents(done.out).items() if "latents" not in name}
    again = run(data, model, done.out)
    assert again.outcome == done.outcome
    assert {name: sha for name, sha in contents(done.out).items() if "latents" not in name} == before
    with pytest.raises(GensupError, match=r"another configuration.*course.rate"):
        run(data, model, done.out, replace(COURSE, rate=2e-3))


def test_a_second_writer_is_refused(done: Finetuning, data: Path, model: Path) -> None:
    with RunLock(done.out), pytest.raises(GensupError, match="another gensup is writing here"):
        run(data, model, done.out)


def test_references_without_an_anomaly_are_refused(data: Path, model: Path, tmp_path: Path) -> None:
    sounds.machine(tmp_path / "data", name="fan", train=4, target=1, test=2)
    for anomaly in (tmp_path / "data").rglob("*anomaly*"):
        anomaly.unlink()
    with pytest.raises(GensupError, match="no anomalous clip to train on") as refused:
        run(tmp_path / "data", model, tmp_path / "ft", target=[], hold_out_machine=None)
    assert refused.value.value == "fan"
    assert not (tmp_path / "ft").exists()


def test_an_adapter_is_no_base(done: Finetuning, data: Path, tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="already fine-tuned"):
        run(data, done.out, tmp_path / "again")


class Deadly(Quiet):
    def follow(self, items: Iterable[T], total: int | None, doing: str) -> Iterator[T]:
        for count, item in enumerate(items, start=1):
            if doing == "training" and count == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            yield item


def run_and_die(data: Path, model: Path, out: Path, cache: Path) -> None:
    torch.set_num_threads(1)
    run(data, model, out, LONGER, cache=cache, progress=Deadly(), generated=0)


def test_killed_and_begun_again_it_leaves_the_same_adapter(
    done: Finetuning, data: Path, model: Path, tmp_path: Path
) -> None:
    cache = done.out / "latents"
    assert status(run_and_die, data, model, tmp_path / "killed", cache) == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "killed" / "checkpoints").iterdir()] == ["step-000000002"]
    for name in ("killed", "whole"):
        run(data, model, tmp_path / name, LONGER, cache=cache, generated=0)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def run_watched(root: Path, model: Path, out: Path) -> None:
    """Write which recordings were opened: by Python, and by soundfile, which asks the system itself."""
    opened: set[str] = set()
    door = soundfile.SoundFile._open

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = Path(os.fsdecode(arguments[0])).resolve()
            if path.suffix == ".wav":
                opened.add(path.relative_to(root.resolve()).as_posix())

    def announced(self: soundfile.SoundFile, file: object, *rest: object) -> object:
        sys.audit("open", file, "rb", 0)
        return door(self, file, *rest)

    sys.addaudithook(watch)
    soundfile.SoundFile._open = announced
    torch.set_num_threads(1)
    run(root, model, out, generated=0)
    (out.parent / "opened.json").write_text(json.dumps(sorted(opened)))


def test_no_test_clip_of_the_target_is_opened(data: Path, model: Path, tmp_path: Path) -> None:
    assert status(run_watched, data, model, tmp_path / "ft") == 0
    opened = json.loads((tmp_path / "opened.json").read_text())
    assert {path.split("/")[1] for path in opened if path.startswith("ToyCar/")} == {"train"}
    assert {path.split("/")[1] for path in opened if path.startswith("fan/")} == {"train", "test"}


def run_shared(place: int, port: int, words: Sequence[str], said: Path) -> None:
    """The command as `accelerate launch --cpu --num_processes=2` starts it: with these variables."""
    os.environ |= {"ACCELERATE_USE_CPU": "true", "ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_DYNAMO_BACKEND": "no"}
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(place), "LOCAL_RANK": str(place), "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    torch.set_num_threads(1)
    sys.argv = ["gensup", *words]
    with said.open("w") as sys.stdout:
        main()


def test_two_processes_share_a_step(done: Finetuning, data: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "ft"
    words = ["finetune", str(data), "--model", str(model), "--out", str(out), "--target=ToyCar", "--hold-out=valve"]
    words += ["--lora=2", "--steps=3", "--batch=2", "--lr=1e-3", "--seconds=0.3", "--validate-every=2", "--json"]
    words += ["--checkpoint-every=2", "--seed=1", "--generated=0", "--device=cpu", "--workers=1", "--dtype=float32"]
    words += [f"--cache={done.out / 'latents'}"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = [tmp_path / "said-0", tmp_path / "said-1"]
    both = [begun(run_shared, place, port, words, said) for place, said in enumerate(told)]
    for process in both:
        process.join()
        assert process.exitcode == 0
    said = [json.loads(line) for file in told for line in file.read_text().splitlines() if line.startswith("{")]
    assert len(said) == 1
    assert said[0]["outcome"]["steps"] == 3
    assert open_checkpoint(str(out)).family == "audioldm"
