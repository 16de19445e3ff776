"""Twin sets by text to audio, on a tiny model: the same bytes however they are made, and what is said of them."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.audio.files import Audio, AudioRef
from gensup.cli import main
from gensup.engine import Inline, Ray, Threads, for_workers
from gensup.errors import GensupError
from gensup.steps.engines import Where
from gensup.steps.progress import QUIET
from gensup.steps.recordings import normals
from gensup.steps.synthesize import GENERATORS, Settings, Synthesis, Work, synthesize
from gensup.steps.tune import OwnTwins
from gensup.store import open_run, read_manifest, sha256_file
from gensup.synthesis.checks import TWICE
from gensup.synthesis.diffusion import models
from gensup.synthesis.diffusion.settings import Diffusion
from gensup.synthesis.records import Order
from tests.support import sounds
from tests.support.children import begun
from tests.support.tiny_diffusion import UNet2DConditionModel, save_tiny
from tests.synthesis.test_tries import Fake, sound


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny", "audioldm")


@pytest.fixture(scope="module")
def settings(model: Path) -> Settings:
    """Three batches of one twin each."""
    diffusion = Diffusion(model=str(model), steps=1, strength=1.0, rows=1, device="cpu")
    return Settings(
        generator="audioldm", pairs=3, severities=(1.0, 4.0), faults=("hiss",), seed=3, diffusion=diffusion,
        nuisances=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(data: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "set"
    assert synthesize(data, "fan", out, settings=settings, workers=1).finished
    return out


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "log.jsonl")
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def test_a_set_says_what_made_it_and_how_to_make_it_again(data: Path, settings: Settings, made: Path) -> None:
    rows = read_manifest(made / "metadata.jsonl")
    assert len(rows) == 3 * (1 + 2)
    assert {(row["family"], row["mechanism"], row["status"]) for row in rows if row["condition"] == "anomaly"} == {
        ("hiss", "audioldm", "generic")
    }
    assert len({row["seed"] for row in rows}) == 3
    assert all(row["sources"] and row["source_path"] for row in rows)
    assert all(row["licence"] and row["revision"] and row["chain"].startswith("audioldm ") for row in rows)
    run = json.loads((made / "run.json").read_text())["config"]
    assert run["synthesis"]["diffusion"]["strength"] == 1.0
    # Of transfer the recording's licence holds as well as the model's; so it does after the codec alone.
    both = "cc-by-nc-sa-4.0 (the model's), and as the source recording"
    assert {row["licence"] for row in (*rows, *read_manifest(made / "normals" / "normals.jsonl"))} == {both}
    assert run["generator"]["licence"] == both
    card = (made / "README.md").read_text()
    assert "no known signature" in card
    assert f"Licence: {both}." in card
    assert "should be fitted on those instead of the recordings" in card
    assert "- clips/**" in card
    assert len(list((made / "normals").glob("*.wav"))) == len(list((data / "fan" / "train").iterdir()))
    said = Settings(generator="faults").checked().described()["synthesis"]
    assert isinstance(said, dict)
    assert "diffusion" not in said  # sets of before are continued


def test_shards_make_the_bytes_of_one_run(data: Path, settings: Settings, made: Path, tmp_path: Path) -> None:
    first = synthesize(data, "fan", tmp_path / "set", settings=settings, shard=(1, 2), workers=1)
    assert (first.finished, first.made) == (False, 3)
    second = synthesize(data, "fan", tmp_path / "set", settings=settings, shard=(2, 2), workers=1)
    assert (second.finished, second.made, second.remade) == (True, 9, 0)
    assert contents(tmp_path / "set") == contents(made)


def commanded(words: list[str]) -> None:
    sys.argv = words
    main()


def test_a_killed_set_continues_to_the_same_bytes(
    data: Path, settings: Settings, made: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    command: list[object] = ["gensup", "synthesize", data, "--machine", "fan", "--out", out, "--workers", "1"]
    command += ["--generator", "audioldm", "--model", model, "--pairs", "3", "--severities", "1,4", "--faults", "hiss"]
    command += ["--seed", "3", "--steps", "1", "--strength", "1", "--batch", "1", "--device", "cpu", "--no-nuisances"]
    victim = begun(commanded, list(map(str, command)))
    while not list(out.glob("clips/*")):
        assert victim.is_alive(), "ended before it could be killed"
        time.sleep(0.002)
    victim.kill()
    victim.join()
    assert not (out / "metadata.jsonl").exists()
    assert synthesize(data, "fan", out, settings=settings, workers=1).finished
    assert contents(out) == contents(made)


def test_twins_from_noise_claim_no_recording_and_are_as_loud_as_the_machine(
    data: Path, settings: Settings, tmp_path: Path
) -> None:
    assert settings.diffusion
    by_seed = replace(settings, pairs=4, diffusion=replace(settings.diffusion, twins="seed", rows=8), layout="dcase")
    done = synthesize(data, "fan", tmp_path / "set", settings=by_seed, workers=1)
    rows = read_manifest(tmp_path / "set" / "metadata.jsonl")
    assert done.made == len(rows) == 4 * 3
    assert all(row["sources"] == [] and row["source_path"] is None and row["machine"] == "fan" for row in rows)
    assert {row["domain"] for row in rows} == {"source", "target"}
    assert {path.parent.name for path in (tmp_path / "set" / "fan").rglob("*.wav")} == {"test"}
    assert len({row["sha256"] for row in rows}) == len(rows)
    card = (tmp_path / "set" / "README.md").read_text()
    assert "of no recording" in card
    assert "Licence: cc-by-nc-sa-4.0. " in card
    assert "should be fitted on those instead of the recordings" in card
    recorded = [level(path) for path in (data / "fan" / "train").iterdir()]
    for row in rows:
        if row["condition"] == "normal":
            heard = level(tmp_path / "set" / str(row["file_name"]))
            assert min(recorded) - 0.01 <= heard <= max(recorded) + 0.01


def level(path: Path) -> float:
    audio = AudioRef(path, sounds.RATE, 0).read()
    return float(10 * np.log10(np.mean(audio**2)))


def test_more_rungs_have_the_ids_and_the_noise_of_a_longer_ladder(
    data: Path, settings: Settings, made: Path, tmp_path: Path
) -> None:
    recordings = normals(data, "fan", out=made, channel=0, skip_bad=False, engine=for_workers(1), progress=QUIET)
    work = Work.prepared(recordings, settings.checked(), None)
    more = work.more([("hiss", 2.0)], made)
    open_run(tmp_path / "more", {"command": "tune"} | more.described(settings.checked()))
    assert more.make(tmp_path / "more", (0, 1), Threads(2), QUIET).finished
    assert work.scheme.highest == 16
    with pytest.raises(GensupError, match=r"hiss.*from 0 to 16"):
        work.more([("hiss", 17.0)])
    longer = replace(settings, severities=(1.0, 2.0, 4.0))
    ids = {order.id for order in Work.prepared(recordings, longer.checked(), None).plan.orders}
    rows = read_manifest(tmp_path / "more" / "metadata.jsonl")
    assert {row["id"] for row in rows if row["condition"] == "anomaly"} < ids
    seeds = {row["twin"]: row["seed"] for row in read_manifest(made / "metadata.jsonl")}
    assert {row["twin"]: row["seed"] for row in rows} == seeds
    assert not (tmp_path / "more" / "normals").exists()


def test_tune_lets_go_of_the_model_before_it_scores(data: Path, settings: Settings, tmp_path: Path) -> None:
    def unets() -> int:
        gc.collect()
        return sum(type(held) is UNet2DConditionModel for held in gc.get_objects())

    models.forget()
    before = unets()
    recordings = normals(data, "fan", out=tmp_path, channel=0, skip_bad=False, engine=for_workers(1), progress=QUIET)
    settings = replace(settings, pairs=1).checked()
    own = OwnTwins(Work.prepared(recordings, settings, None), settings, recordings, tmp_path, Threads(2), QUIET)
    open_run(tmp_path, {"command": "tune"} | own.work.described(settings))
    assert own.made().clips
    assert unets() == before
    assert own.more([("hiss", 2.0)])
    assert unets() == before


def test_a_dry_run_loads_no_torch(data: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gensup.steps.synthesize import Settings, synthesize\n"
        "from gensup.synthesis.diffusion.settings import Diffusion\n"
        "settings = Settings(generator='audioldm2', pairs=7, diffusion=Diffusion(model='nowhere', twins='seed'))\n"
        f"done = synthesize(Path({str(data)!r}), 'fan', Path('unused'), settings=settings, dry_run=True, workers=1)\n"
        "from gensup.synthesis.diffusion import models; models.forget()\n"
        "print(done.clips, sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    clips, _, loaded = done.stdout.strip().partition(" ")
    assert loaded == "[]"
    assert int(clips) % 7 == 0
    assert GENERATORS == ("faults", "audioldm", "audioldm2")


def test_a_ladder_s_default_is_the_generator_s() -> None:
    assert Settings().checked().severities == (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
    text = Settings(generator="audioldm2", diffusion=Diffusion(model="m"))
    assert text.checked().severities == (0.5, 1.0, 2.0, 4.0)
    # A guidance has its own bound, for a ladder that is asked for and for a rung that turned out to lack.
    with pytest.raises(GensupError, match="from 0 to 16"):
        replace(text, severities=(1.0, 17.0)).checked()
    assert Settings(severities=(17.0,)).checked().severities == (17.0,)
    with pytest.raises(GensupError, match=r"--model.*makes clips by a checkpoint"):
        Settings(generator="audioldm").checked()
    with pytest.raises(GensupError, match=r"--model.*has no model"):
        Settings(diffusion=Diffusion(model="m")).checked()


def test_where_twins_are_made() -> None:
    local = Inline()
    assert Where().makers(local, model=False) is local
    assert Where().makers(local, model=True) == Threads(2)
    ray = Where(engine="ray", address="here:1").checked()
    assert ray.makers(local, model=True) == Ray(gpus_per_worker=1, address="here:1")
    assert ray.makers(local, model=False) == Ray(address="here:1")
    assert Where(engine="ray", gpus_per_worker=0.5).makers(local, model=True) == Ray(gpus_per_worker=0.5)
    # A cluster's workers have the GPUs that they ask for, whatever this machine has.
    assert Where().device(None) is None
    assert ray.device(None) == Where(engine="ray", gpus_per_worker=0.5).device(None) == "cuda"
    assert Where(engine="ray", gpus_per_worker=0).device(None) == "cpu"
    assert [where.device("cuda:1") for where in (Where(), ray)] == ["cuda:1", "cuda:1"]
    for wrong, word in (
        (Where(address="here:1"), "--address"),
        (Where(gpus_per_worker=1), "--gpus-per-worker"),
        (Where(engine="ray", gpus_per_worker=-1), "--gpus-per-worker"),
        (Where(engine="rya"), "did you mean ray"),  # type: ignore[arg-type]
    ):
        with pytest.raises(GensupError, match=word):
            wrong.checked()


@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="this machine has that GPU")
def test_a_machine_without_a_gpu_hands_work_to_those_with_one(data: Path, settings: Settings, tmp_path: Path) -> None:
    assert settings.diffusion
    recordings = normals(data, "fan", out=tmp_path, channel=0, skip_bad=False, engine=Inline(), progress=QUIET)
    there = replace(settings, diffusion=replace(settings.diffusion, device="cuda:7")).checked()
    work = Work.prepared(recordings, there, None, Where(engine="ray"))
    assert work.generator.device == "cuda:7"  # type: ignore[attr-defined]
    assert ", cuda, rows 1" in work.generator.revision  # the clips' bytes are a GPU's
    with pytest.raises(GensupError, match=r"no such device here.*--device"):
        Work.prepared(recordings, there, None, Where())


def faked(data: Path, out: Path, generator: Fake, shards: int = 1) -> Synthesis:
    """A set by a fake generator, from noise, shard after shard."""
    recordings = normals(data, "fan", out=out, channel=0, skip_bad=False, engine=Inline(), progress=QUIET)
    settings = Settings(pairs=4, severities=(1.0, 2.0), faults=("hiss",), nuisances=False).checked()
    work = Work.prepared(recordings, settings, None)
    sources = tuple(replace(source, key=None, pair=i) for i, source in enumerate(work.scheme.sources))
    scheme = replace(work.scheme, sources=sources, model="fake", rate=8000)
    work = replace(work, generator=generator, scheme=scheme, plan=replace(work.plan, orders=tuple(scheme.orders())))
    open_run(out, {"command": "synthesize"} | work.described(settings))
    for shard in range(shards):
        done = work.make(out, (shard, shards), Inline(), QUIET)
    return done


@pytest.mark.parametrize("shards", [1, 4])
def test_twins_of_other_shards_are_not_repeated(data: Path, tmp_path: Path, shards: int) -> None:
    def stuck(order: Order, normal: Audio, anomaly: Audio) -> tuple[Audio, Audio]:  # it knows one sound, at first
        late = int(str(order.parameters.get("attempt", 0))) >= 1
        return (normal, anomaly) if late else (of(order, 0.0), of(order, order.severity))

    done = faked(data, tmp_path / "set", Fake(stuck), shards)
    rows = read_manifest(tmp_path / "set" / "metadata.jsonl")
    assert (done.finished, done.made, done.remade) == (True, 12, 3)
    assert len({row["sha256"] for row in rows}) == 12
    attempts = Counter(dict(row["parameters"]).get("attempt", 0) for row in rows if row["id"] == row["twin"])  # type: ignore[call-overload]
    assert attempts == {0: 1, 1: 3}


def of(order: Order, severity: float) -> Audio:
    return sound(1, severity, round(order.seconds * order.rate))


def test_a_model_that_knows_one_sound_is_refused_and_counted(data: Path, tmp_path: Path) -> None:
    done = faked(data, tmp_path / "set", Fake(lambda o, n, a: (of(o, 0.0), of(o, o.severity))), 4)
    assert (done.finished, done.made) == (True, 3)
    assert Counter(done.refused.values()) == {TWICE: 9}
    assert len(list((tmp_path / "set" / "clips").iterdir())) == 3
    assert f"{TWICE}: 9 clips" in (tmp_path / "set" / "README.md").read_text()


def test_a_caption_that_is_too_long_begins_no_run(data: Path, settings: Settings, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "long.j2").write_text("{{ condition }} " + "a motor that hums and whirrs and clicks and rattles " * 20)
    out = tmp_path / "set"
    with pytest.raises(GensupError, match="over the limit"):
        synthesize(data, "fan", out, settings=replace(settings, style="long", faults=()), prompts=prompts, workers=1)
    assert not (out / "run.json").exists()
