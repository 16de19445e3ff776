"""Twins by text to audio, on tiny models of random weights: what makes two clips twins, and what fixes their bytes."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gensup.clip import Clip
from gensup.engine import Local, collect
from gensup.errors import GensupError
from gensup.synthesis.diffusion import latent, models, twins, work
from gensup.synthesis.diffusion.levels import rms_db
from gensup.synthesis.diffusion.settings import Diffusion
from gensup.synthesis.diffusion.twins import DiffusionTwins
from gensup.synthesis.make import Make
from gensup.synthesis.records import Order, with_source
from tests.support.engine_tasks import made_by
from tests.support.tiny_diffusion import save_tiny

RATE = 16_000
SECONDS = 0.6  # of a grid of 0.64 s
LEVELS = (-40.0, -30.0, -20.0)
FAMILIES = ("audioldm", "audioldm2")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {family: save_tiny(folder / family, family) for family in FAMILIES}


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest, checkpoints: dict[str, Path]) -> Path:
    return checkpoints[request.param]


def opened(model: Path, **changes: Any) -> DiffusionTwins:
    settings: dict[str, Any] = {"model": str(model), "steps": 2, "device": "cpu"}
    return DiffusionTwins.opened(Diffusion(**(settings | changes)), levels_db=LEVELS)


def order(twin: str = "t", severity: float = 1.0, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": f"{twin} {severity}", "twin": twin, "source": Clip(path="a.wav"), "source_key": twin, "family": "hiss",
        "mechanism": "audioldm", "status": "generic", "severity": severity,
        "captions": ("a fan that runs", "a fan that rattles"), "parameters": {}, "seed": 1, "seconds": SECONDS,
        "rate": RATE, "channels": 1,
    }  # fmt: skip
    return Order(**(fields | changes))


def from_noise(twin: str = "t", severity: float = 1.0, **changes: Any) -> Order:
    return order(twin, severity, **({"source": None, "source_key": None} | changes))


def recording(seed: int = 0, rate: int = RATE, channels: int = 1, seconds: float = SECONDS) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    hum = np.sin(2 * np.pi * 300 * time)
    noise = np.random.default_rng(seed).standard_normal((channels, len(time)))
    return (0.02 * hum + 0.01 * noise).astype(np.float32)


@pytest.mark.parametrize("kind", ["seed", "transfer"])
def test_twins_differ_by_their_condition_alone(model: Path, kind: Any) -> None:
    generator = opened(model, twins=kind)
    orders = [(from_noise if kind == "seed" else order)(severity=w) for w in (0.0, 0.5, 1.0, 2.0, 4.0)]
    made = generator.make(orders, [None if kind == "seed" else recording()] * 5)
    assert made[0].anomaly.tobytes() == made[0].normal.tobytes()  # severity 0 is the normal twin, by the same code
    assert all(twin.normal.tobytes() == made[0].normal.tobytes() for twin in made)
    changes = [twin.parameters["change_db"] for twin in made]
    assert changes[0] is None
    assert all(low < high - 3 for low, high in pairwise(changes[1:]))
    for one in made:
        assert one.normal.shape == one.anomaly.shape == (1, round(SECONDS * RATE))
        assert one.parameters["peak"] == np.abs(one.anomaly).max()
        json.dumps(one.parameters, allow_nan=False)
    # Another caption is another fault.
    (other,) = generator.make(
        [replace(orders[3], captions=("a fan that runs", "a fan whistles"))], [None if kind == "seed" else recording()]
    )
    assert other.normal.tobytes() == made[0].normal.tobytes()
    assert not np.array_equal(other.anomaly, made[3].anomaly)


def test_at_strength_0_both_twins_are_the_codec_round_trip(model: Path) -> None:
    generator = opened(model, strength=0)
    source = recording()
    for twin in generator.make([order(severity=1.0), order(severity=4.0)], [source, source]):
        assert twin.normal.tobytes() == twin.anomaly.tobytes() == generator.round_trip(source, RATE).tobytes()
    far, near = (opened(model, strength=strength).make([order()], [source])[0].normal for strength in (1, 0.5))
    assert not np.array_equal(far, near)


def test_the_codec_takes_every_length_rate_and_channel(model: Path) -> None:
    generator = opened(model)
    clips = [recording(1), recording(2, seconds=1.0), recording(3, channels=2), recording(4)]
    together = generator.round_trips(clips, RATE)
    for clip, heard in zip(clips, together, strict=True):
        assert heard.shape == clip.shape
        assert heard.tobytes() == generator.round_trip(clip, RATE).tobytes()
    louder = generator.round_trip(4 * clips[0], RATE)
    assert np.allclose(louder, 4 * together[0], rtol=1e-3, atol=1e-4)  # the gain is given back


def test_the_same_bytes_again_and_in_another_process(model: Path, tmp_path: Path) -> None:
    orders = [order("a"), order("b", 2.0)]
    sources = [recording(1), recording(2)]
    generator = opened(model).prepared(orders, tmp_path)
    assert pickle.loads(pickle.dumps(generator)) == generator
    here = [twin.anomaly.tobytes() for twin in generator.make(orders, sources)]
    models.forget()
    torch.set_num_threads(2)  # a worker has one: who computes does not matter
    again = [twin.anomaly.tobytes() for twin in generator.make(orders, sources)]
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    ((there, loads),) = collect(Local(1), made_by, [(generator, orders, sources, 2)])
    assert here == again == there
    assert loads == 1  # of the UNet, for two batches


def test_threads_make_the_same_bytes_with_one_model(checkpoints: dict[str, Path]) -> None:
    generator = opened(checkpoints["audioldm"])
    batches = [([order(str(n))], [recording(n)]) for n in range(4)]
    models.forget()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda batch: generator.make(*batch)[0].anomaly.tobytes(), batches))
    assert len(models._loaded) == 1
    assert together == [generator.make(*batch)[0].anomaly.tobytes() for batch in batches]


@pytest.mark.parametrize("kind", ["seed", "transfer"])
@pytest.mark.parametrize("rows", [1, 4])
def test_neighbours_in_a_batch_change_no_byte(
    model: Path, kind: Any, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiffusionTwins, "rows", rows)
    generator = opened(model, twins=kind)
    ordered = from_noise if kind == "seed" else order
    long = "a fan that rattles, squeals, whistles, hums and stops in the end"
    one = ordered("a", 2.0)
    others = [ordered("a", 4.0, captions=("a fan that runs", long)), ordered("b"), ordered("c", 0.5)]
    sources = {twin: None if kind == "seed" else recording(ord(twin)) for twin in "abc"}
    (alone,) = generator.make([one], [sources["a"]])
    batch = [others[1], one, *others]
    beside = generator.make(batch, [sources[o.twin] for o in batch])[1]
    assert beside.normal.tobytes() == alone.normal.tobytes()
    assert beside.anomaly.tobytes() == alone.anomaly.tobytes()


@pytest.mark.parametrize("seconds", [6, 10, 11, 12, 16, 18])
def test_lengths_of_the_challenge_are_exact(checkpoints: dict[str, Path], seconds: int) -> None:
    generator = opened(checkpoints["audioldm"])
    source = recording(seconds=seconds)
    heard = generator.round_trip(source, RATE)
    assert heard.shape == source.shape
    level = np.sqrt(np.square(heard).reshape(-1, RATE // 4).mean(axis=1))  # no gap, fade or burst to the end
    assert 1 / 3 < level[-1] / np.median(level) < 3
    grid = models.loaded(generator._model("float32").place).family.grid
    made = twins.codec.heard(source, RATE, seconds, grid)
    assert made.audio.shape[1] == grid.samples(seconds) >= seconds * RATE
    assert np.allclose(made.audio[:, : source.shape[1]] * made.gain, source - source.mean(), atol=1e-6)


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 8_000])
def test_other_rates_and_channels(checkpoints: dict[str, Path], rate: int) -> None:
    generator = opened(checkpoints["audioldm2"])
    source = recording(rate=rate, channels=2)
    source[1] *= np.float32(0.25)
    (twin,) = generator.make([order(rate=rate, channels=2)], [source])
    assert twin.normal.shape == twin.anomaly.shape == source.shape
    (mono,) = generator.make([order(rate=rate)], [source[:1]])
    assert twin.anomaly[:1].tobytes() == mono.anomaly.tobytes()  # the loudest channel is as it is alone
    (noise,) = opened(checkpoints["audioldm2"], twins="seed").make([from_noise(rate=rate, channels=2)], [None])
    assert noise.normal.shape == source.shape
    assert np.array_equal(noise.normal[0], noise.normal[1])


def test_levels_of_twins_made_from_noise_are_the_machine_s(checkpoints: dict[str, Path]) -> None:
    generator = opened(checkpoints["audioldm"], twins="seed")
    orders = [from_noise(str(place), severity) for place in range(6) for severity in (1.0, 4.0)]
    made = generator.make(orders, [None] * 12)
    found = [rms_db(twin.normal) for twin in made[::2]]
    assert min(LEVELS) - 1e-3 <= min(found) < max(found) <= max(LEVELS) + 1e-3
    assert len({round(level, 3) for level in found}) == 6
    for low, high in zip(made[::2], made[1::2], strict=True):
        assert low.parameters["gain_db"] == high.parameters["gain_db"]  # the anomaly is not placed by itself
    assert len({twin.normal.tobytes() for twin in made}) == 6


def test_a_twin_refused_is_made_again_from_another_noise(checkpoints: dict[str, Path]) -> None:
    generator = opened(checkpoints["audioldm"], twins="seed")
    first, second = (generator.make([from_noise(parameters={"attempt": n})], [None])[0] for n in (0, 1))
    assert not np.array_equal(first.normal, second.normal)
    assert (first.parameters["attempt"], second.parameters["attempt"]) == (0, 1)
    assert first.normal.tobytes() == generator.make([from_noise()], [None])[0].normal.tobytes()


def test_a_window_keeps_what_lies_outside_it(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    source = recording(seconds=1.9)
    generator = opened(checkpoints["audioldm"], window=(0.0, 0.5), strength=1.0)
    decoded: list[torch.Tensor] = []
    sounds = work.codec.sounds
    monkeypatch.setattr(work.codec, "sounds", lambda f, x, rows: decoded.append(x) or sounds(f, x, rows))
    (twin,) = generator.make([order(severity=4.0, seconds=1.9)], [source])
    generator.round_trip(source, RATE)
    (normal, anomaly), (through,) = decoded
    rows = 13  # of 40 ms each
    assert torch.equal(normal[:, rows:], through[:, rows:])
    assert torch.equal(anomaly[:, rows:], through[:, rows:])
    assert not torch.isclose(normal[:, :rows], through[:, :rows]).any(dim=1).all()
    assert not torch.isclose(normal[:, :rows], anomaly[:, :rows]).any(dim=1).all()
    # The decoder's norms hear of the whole clip: outside the window twins are as good as equal, not quite.
    change = np.abs(twin.anomaly - twin.normal)[0]
    assert change[RATE * 3 // 2 :].max() < 0.1 * change[: RATE // 2].max()
    assert twin.parameters["window"] == [0.0, 0.5]
    with pytest.raises(GensupError, match="a window outside the clip"):
        opened(checkpoints["audioldm"], window=(2.0, 3.0)).make([order()], [recording()])


def test_embeddings_are_made_once_and_read_again(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    encode = latent.LatentDiffusion.encode_text

    def counted(self: Any, captions: Any) -> Any:
        asked.extend(captions)
        return encode(self, captions)

    monkeypatch.setattr(latent.LatentDiffusion, "encode_text", counted)
    orders = [order("a"), order("b"), order("b", 2.0)]
    generator = opened(model)
    ready = generator.prepared(orders, tmp_path)
    assert asked == ["", "a fan that runs", "a fan that rattles"]
    assert generator.prepared(orders, tmp_path) == ready
    first = ready.make(orders[:1], [recording()])[0].anomaly.tobytes()
    assert len(asked) == 3
    assert ready.captions is not None
    written = ready.captions.read_bytes()
    ready.captions.write_bytes(written[:-5])
    assert generator.prepared(orders, tmp_path) == ready
    assert ready.captions.read_bytes() == written
    assert first == generator.make(orders[:1], [recording()])[0].anomaly.tobytes()  # without a file, too
    with pytest.raises(GensupError, match="without an embedding"):
        ready.make([order(captions=("a fan that runs", "something else"))], [recording()])


def test_captions_over_a_limit_are_refused_before_weights_are_read(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a weight was loaded")

    monkeypatch.setattr(latent.LatentDiffusion, "_loaded", never)
    long = order(captions=("a fan that runs", "a fan that rattles and squeals " * 30))
    with pytest.raises(GensupError, match="over the limit"):
        opened(model).prepared([long], tmp_path)
    alike = order(captions=("a fan that runs " * 60, "a fan that runs " * 60 + "and rattles"))
    with pytest.raises(GensupError, match="are the same"):
        opened(model, truncate=True).prepared([alike], tmp_path)
    monkeypatch.undo()
    assert opened(model, truncate=True).prepared([long], tmp_path).captions is not None


def test_what_overflows_is_made_again_in_float32(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    denoise, broken = work.denoise, work.Work(orders=(order("b"),), heard=None).noise

    def overflowing(family: Any, shape: Any, seeds: Any, *args: Any, **named: Any) -> Any:
        made = denoise(family, shape, seeds, *args, **named)
        hit = [
            family.dtype != "float32" and one == broken and w for one, w in zip(seeds, named["weights"], strict=True)
        ]
        made.latents[torch.tensor([bool(h) for h in hit])] = float("inf")
        return replace(made, finite=tuple(not h for h in hit))

    monkeypatch.setattr(work, "denoise", overflowing)
    orders, sources = [order("a"), order("b")], [recording(1), recording(2)]
    fast = opened(checkpoints["audioldm"], dtype="bfloat16").make(orders, sources)
    exact = opened(checkpoints["audioldm"]).make(orders, sources)
    assert [twin.parameters["dtype"] for twin in fast] == ["bfloat16", "float32"]
    assert fast[1].normal.tobytes() == exact[1].normal.tobytes()  # the whole twin, not the broken side alone
    assert fast[1].anomaly.tobytes() == exact[1].anomaly.tobytes()
    assert fast[0].normal.tobytes() != exact[0].normal.tobytes()


def test_what_is_never_finite_is_refused_as_such(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    denoise = work.denoise
    monkeypatch.setattr(work, "denoise", lambda *a, **k: replace(denoise(*a, **k), finite=(True, False, True)))
    generator = opened(checkpoints["audioldm"], twins="seed")
    orders = [from_noise(severity=1.0), from_noise(severity=2.0)]
    make = Make(tmp_path, generator, {"t": "t.wav", **{o.id: f"{o.id}.wav" for o in orders}}, nuisances=False)
    made = make((orders, [None, None]))
    assert list(made.refused) == [orders[0].id]
    assert "NaN" in made.refused[orders[0].id]
    rows = {row["id"]: row for row in made.rows}
    assert set(rows) == {"t", orders[1].id}
    assert rows["t"]["generator"] == "audioldm"
    assert rows["t"]["sources"] == []
    assert rows["t"]["chain"] == generator.chain


def test_where_memory_runs_out_fewer_rows_are_taken(checkpoints: dict[str, Path]) -> None:
    model = opened(checkpoints["audioldm"])._model("float32")
    tried: list[int] = []

    def run(_: object, rows: int) -> int:
        tried.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return rows

    assert work.with_memory(model, 9, run) == 2
    assert tried == [9, 4, 2]

    def never(_: object, rows: int) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    with pytest.raises(GensupError, match="out of memory with a single clip"):
        work.with_memory(model, 2, never)


def test_batches_are_whole_twins_of_one_length(checkpoints: dict[str, Path]) -> None:
    generator = opened(checkpoints["audioldm"], rows=4)
    orders = [
        order(f"{twin}", float(severity), seconds=10.0 if twin % 3 else 12.0)
        for twin in range(30)
        for severity in (1, 2)
    ]
    batches = generator.batches(orders)
    assert sorted(o.id for batch in batches for o in batch) == sorted(o.id for o in orders)
    assert generator.batches(orders) == batches
    for batch in batches:
        assert len({o.seconds for o in batch}) == 1
        held = {o.twin for o in batch}
        assert [o.id for o in orders if o.twin in held] == [o.id for o in batch]
    full = [batch for batch in batches if len(batch) > 2]
    assert len(full) >= 6
    for batch in full[:3]:
        columns = 8 * len(batch) // 2  # two of a normal twin and three of each of two anomalies
        assert 12 <= columns <= 4 * 12 + 8
        assert -columns % 12 <= columns / 8
    ladder = [order("t", float(severity)) for severity in range(1, 40)]
    assert generator.batches(ladder) == (tuple(ladder),)


def test_the_revision_says_what_decides_the_bytes(checkpoints: dict[str, Path]) -> None:
    model = checkpoints["audioldm"]
    changes: list[dict[str, Any]] = [
        {}, {"steps": 3}, {"scheduler": "unipc"}, {"guidance": 4.0}, {"strength": 0.4}, {"window": (0.0, 1.0)},
        {"negative": True}, {"dtype": "bfloat16"}, {"twins": "seed"}, {"truncate": True}, {"compile": True},
    ]  # fmt: skip
    said = [opened(model, **change).revision for change in changes]
    said.append(opened(checkpoints["audioldm2"]).revision)
    assert len(set(said)) == len(changes) + 1
    assert all(len(one) < 200 for one in said)
    louder = DiffusionTwins.opened(Diffusion(model=str(model), steps=2, twins="seed", device="cpu"), levels_db=(-9.0,))
    assert louder.revision not in said
    assert opened(model, twins="seed").licence == "cc-by-nc-sa-4.0"
    assert opened(model).licence == with_source("cc-by-nc-sa-4.0")
    assert opened(model).chain.startswith("audioldm ")
    assert opened(model).chain.endswith(" transfer 0.5")


def test_orders_that_do_not_fit(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(GensupError, match="starts from a recording"):
        opened(checkpoints["audioldm"]).make([from_noise()], [None])
    with pytest.raises(GensupError, match="from noise alone"):
        opened(checkpoints["audioldm"], twins="seed").make([order()], [recording()])
    with pytest.raises(GensupError, match="another family"):
        DiffusionTwins.opened(Diffusion(model=str(checkpoints["audioldm"])), "audioldm2")
    with pytest.raises(GensupError, match="no such device here"):
        opened(checkpoints["audioldm"], device="cuda:99")
