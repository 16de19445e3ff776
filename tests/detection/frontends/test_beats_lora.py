"""BEATs adapted to machines: it learns their conditions, leaves its base alone, and travels inside a detector."""

from __future__ import annotations

import pickle
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.audio import files
from gensup.audio.files import AudioRef
from gensup.detection.chain import fit, restored
from gensup.detection.conversion import convert
from gensup.detection.crossfit import Arrangement, crossfit
from gensup.detection.examples import Examples
from gensup.detection.frontends.beats_lora import BeatsLora
from gensup.detection.means import Means
from gensup.detection.networks.adapted_beats import fbanks
from gensup.detection.networks.beats import fbank
from gensup.detection.noise import Noise
from gensup.detection.parts import STATE, FittedFrontend
from gensup.detection.pretrained import beats_file
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.store.files import read_json, sha256_file
from gensup.training.lora import LoraLinear
from tests.support import checkpoints

SMALL = BeatsLora(
    checkpoint="tiny", rank=4, dim=16, seconds=0.8, centres=2, steps=2, batch=8, learning_rate=1e-3, warm_up=0,
    pseudo="none",
)  # fmt: skip
CONDITIONS, EACH = 4, 16


@cache
def machine(condition: int, seed: int) -> np.ndarray:
    """(1, samples): a fan whose blades pass a little faster in each condition; levels and noise are the clip's own."""
    rng = np.random.default_rng([condition, seed])
    time = np.arange(round(0.8 * 16_000)) / 16_000
    speed = 280 * 1.1**condition * rng.uniform(0.98, 1.02)
    tones = sum(rng.uniform(0.2, 1) * np.sin(2 * np.pi * (k * speed * time + rng.random())) for k in range(1, 6))
    noise = np.cumsum(rng.standard_normal(len(time))) * 0.02 + rng.standard_normal(len(time))
    return np.asarray(0.04 * rng.uniform(0.3, 1) * (tones + 1.5 * noise), dtype=np.float32)[None]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Clips of each condition; the odd ones are held out where something is to be learnt."""
    root = tmp_path_factory.mktemp("fan")
    names = [(c, i) for i in range(EACH) for c in range(CONDITIONS)]
    paths = [root / f"{c}_{i}.wav" for c, i in names]
    for path, (c, i) in zip(paths, names, strict=True):
        files.write(path, machine(c, i), 16_000, "PCM_16")
    return Examples(
        audio=tuple(AudioRef(path, 16_000, 0) for path in paths),
        key=tuple(path.stem for path in paths),
        group=("fan",) * len(paths),
        target_domain=np.array([i % 4 == 0 for _, i in names]),
        label=tuple(f"spd {c}" for c, _ in names),
    )


def embeddings(front: FittedFrontend, clips: Examples) -> np.ndarray:
    x = np.stack([front.tokens(ref.read(), ref.rate).x[0, 0] for ref in clips.audio])
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def accuracy(front: FittedFrontend, heard: Examples) -> float:
    """Share of held-out clips whose nearest training clip is of their class."""
    odd = np.arange(len(heard)) // CONDITIONS % 2 == 1
    known, asked = heard.take(np.flatnonzero(~odd)), heard.take(np.flatnonzero(odd))
    nearest = (embeddings(front, asked) @ embeddings(front, known).T).argmax(axis=1)
    assert known.label is not None
    assert asked.label is not None
    return float(np.mean([known.label[n] == label for n, label in zip(nearest, asked.label, strict=True)]))


def training(heard: Examples) -> Examples:
    return heard.take(np.flatnonzero(np.arange(len(heard)) // CONDITIONS % 2 == 0))


def saved(front: FittedFrontend, file: Path) -> Path:
    from safetensors.numpy import save_file

    save_file({f"{STATE}{name}": np.ascontiguousarray(value) for name, value in front.state().items()}, file)
    return file


@pytest.mark.parametrize("adaptation", ["lora", "full"])
def test_learns_conditions(means: Means, heard: Examples, adaptation: str) -> None:
    assert means.weights is not None
    file = means.weights / "tiny.safetensors"
    base = sha256_file(file)
    more = {"steps": 60, "batch": 16, "learning_rate": 3e-3, "warm_up": 10}
    masks = {"mixup": 0.0, "masks": 0.5, "mask_frames": 20, "mask_bands": 10}
    settings = replace(SMALL, adaptation=adaptation, **more, **masks)
    before = accuracy(settings.untrained(means), heard)
    after = accuracy(settings.ready(training(heard), means, 0), heard)
    assert after >= 0.75  # one in four by chance
    assert after > before + 0.1
    assert sha256_file(file) == base


@pytest.mark.parametrize("loss", ["sub-cluster-ada-cos", "arc-face", "sub-centre-arc-face"])
@pytest.mark.parametrize("adaptation", ["lora", "full"])
def test_back_from_a_file(means: Means, heard: Examples, tmp_path: Path, adaptation: str, loss: str) -> None:
    settings = replace(SMALL, adaptation=adaptation, loss=loss, masks=0.5, accumulate=2)
    made, fresh = settings.ready(heard, means, 0), settings.untrained(means)
    back = settings.restore(saved(made, tmp_path / "model.safetensors"), means)
    audio, rate = heard.audio[0].read(), heard.audio[0].rate
    np.testing.assert_array_equal(back.tokens(audio, rate).x, made.tokens(audio, rate).x)
    assert made.tokens(audio, rate).x.shape == fresh.tokens(audio, rate).x.shape == (1, 1, 16)
    assert back.fingerprint == made.fingerprint != fresh.fingerprint
    assert back.n_parameters == made.n_parameters == fresh.n_parameters
    if adaptation == "full":  # it has all its weights with it
        alone = settings.restore(tmp_path / "model.safetensors", Means(device="cpu"))
        assert alone.fingerprint == made.fingerprint
        np.testing.assert_array_equal(alone.tokens(audio, rate).x, made.tokens(audio, rate).x)


def test_another_base_is_refused(means: Means, heard: Examples, tmp_path: Path) -> None:
    file = saved(SMALL.ready(heard, means, 0), tmp_path / "model.safetensors")
    convert(checkpoints.beats(tmp_path / "pt" / "tiny.pt", seed=9), tmp_path, trust=True, licence="none")
    with pytest.raises(GensupError, match="not the weights that the detector was fitted with"):
        SMALL.restore(file, Means(weights=tmp_path, device="cpu"))
    with pytest.raises(GensupError, match=r"--weights.*needed|needed.*--weights"):
        SMALL.restore(file, Means(device="cpu"))
    with pytest.raises(GensupError, match="of another network"):
        replace(SMALL, dim=8).restore(file, means)


def test_the_base_stays_as_it_is(means: Means) -> None:
    """A step changes factors, pooling and centres, and nothing that came from the checkpoint."""
    mine = SMALL._on(beats_file(means, "tiny"))
    learner = mine.learner(16_000, 3, torch.Generator().manual_seed(0)).train()
    before = {name: value.clone() for name, value in learner.named_parameters()}
    optimizer = torch.optim.SGD([p for p in learner.parameters() if p.requires_grad], lr=1.0)
    rng = np.random.default_rng(0)
    for _ in range(2):  # A has no gradient as long as B is zero
        optimizer.zero_grad()
        learner.loss(0.1 * torch.randn(4, 12_800), torch.eye(3)[[0, 1, 2, 0]], rng).backward()
        optimizer.step()
    changed = {name for name, value in learner.named_parameters() if not torch.equal(value, before[name])}
    beats = {name for name in changed if ".beats." in name}
    projections = [f"network.beats.encoder.layers.{i}.self_attn.{p}_proj" for i in range(2) for p in "qv"]
    assert beats == {f"{name}.lora_{half}.weight" for name in projections for half in "AB"}
    assert {name.split(".")[1] for name in changed - beats} == {"pool", "project", "weight"}
    kept = mine.base.beats().state_dict()
    held = {n.replace(".base.", "."): v for n, v in learner.network.beats.state_dict().items() if "lora" not in n}
    assert held.keys() == kept.keys()
    assert all(torch.equal(held[name], kept[name]) for name in kept)


def test_factors_in_the_weights_change_no_number(means: Means) -> None:
    mine = replace(SMALL, alpha=8.0)._on(beats_file(means, "tiny"))
    network = mine._network(mine.base.beats(), 1)
    layers = [layer for layer in network.modules() if isinstance(layer, LoraLinear)]
    assert [layer.scale for layer in layers] == [2.0] * 4
    for layer in layers:
        torch.nn.init.normal_(layer.lora_B.weight, std=0.3)
    bank = torch.randn(2, 70, 128)
    plain = mine._network(mine.base.beats(), 1).eval()(bank)
    beside = network.eval()(bank)
    merged = network.for_use("cpu", torch.float32)
    assert not any(isinstance(module, LoraLinear) for module in merged.modules())
    torch.testing.assert_close(merged(bank), beside, atol=1e-5, rtol=1e-4)
    assert (beside - plain).abs().max() > 0.01


def test_filter_banks_of_a_batch() -> None:
    samples = torch.randn(3, 7_777, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.1], [1e-3], [0.0]])
    each = torch.stack([fbank(row) for row in samples])
    torch.testing.assert_close(fbanks(samples), each, atol=1e-4, rtol=0)


def test_found_again_and_continued(means: Means, heard: Examples, tmp_path: Path) -> None:
    """Two numbers of steps share a training; what was found is what would have been made."""
    kept = replace(means, folder=tmp_path)
    short, long = (replace(SMALL, steps=steps).ready(heard, kept, 0) for steps in (2, 4))
    alone = replace(SMALL, steps=4).ready(heard, means, 0)
    assert long.fingerprint == alone.fingerprint != short.fingerprint
    assert len(list(tmp_path.glob("training-*"))) == 1
    again = replace(SMALL, steps=4).ready(heard, kept, 0)
    assert again == long
    assert len(pickle.dumps(again)) < 5000


def test_half_precision(means: Means, heard: Examples) -> None:
    settings = replace(SMALL, precision="bf16")
    x = settings.ready(heard, means, 0).tokens(heard.audio[0].read(), 16_000).x
    assert x.dtype == np.float32
    exact = replace(SMALL).ready(heard, means, 0).tokens(heard.audio[0].read(), 16_000).x
    assert np.corrcoef(x.ravel(), exact.ravel())[0, 1] > 0.9


def test_noise_and_centres_by_class(means: Means, heard: Examples, tmp_path: Path) -> None:
    """As the 2025 report of AnoPatch's group: noise at their ratios, sub-centres for labels without a condition."""
    hiss = np.random.default_rng(5).normal(0, 0.01, size=(1, 30_000)).astype(np.float32)
    files.write(tmp_path / "hiss.wav", hiss, 16_000, "FLOAT")
    noise = Noise(audio=(AudioRef(tmp_path / "hiss.wav", 16_000),), key=("hiss",), beside=(None,))
    clips = replace(heard, plain=np.array([label == "spd 3" for label in heard.label or ()])).take(np.arange(16))
    settings = replace(SMALL, loss="sub-centre-arc-face", mixup=0.0, centres_of="plain", steps=1)
    noisy = replace(settings, noise=0.5)
    given = replace(means, noise=noise)
    one, two = (front.ready(clips, given, 0) for front in (settings, noisy))
    assert one.weights.sha256 != two.weights.sha256
    assert noisy.ready(clips, given, 0).weights.sha256 == two.weights.sha256
    with pytest.raises(GensupError, match="no noise to train with"):
        noisy.ready(clips, means, 0)


def test_needs(means: Means, heard: Examples) -> None:
    with pytest.raises(GensupError, match="one class only"):
        SMALL.ready(replace(heard, label=("fan",) * len(heard)), means, 0)
    with pytest.raises(GensupError, match="needed"):
        SMALL.ready(heard, Means(device="cpu"), 0)
    for wrong in ({"rank": 0}, {"batch": 3, "accumulate": 2}, {"masks": 1.5}, {"seconds": 0.1}, {"scale": -1.0}):
        with pytest.raises(GensupError, match=r"frontend\."):
            replace(SMALL, **wrong)
    with pytest.raises(GensupError, match="loss"):
        replace(SMALL, loss="cross-entropy")


def test_in_a_chain(means: Means, heard: Examples, tmp_path: Path) -> None:
    params = {f"frontend.{name}": value for name, value in asdict(SMALL).items()}
    params |= {"frontend.kind": "beats-lora", "pooling.kind": "mean", "backend.kind": "knn", "backend.k": 1}
    train = np.arange(len(heard)) < 48
    plan = Arrangement(train=train, fold=np.arange(len(heard)) // CONDITIONS % 2)
    (scored,) = crossfit(Inline(), {"a": params}, heard, [plan], means=means)
    assert scored.scores.shape == (1, 1, len(heard))
    assert np.isfinite(scored.scores).all()
    normals, queries = heard.take(np.flatnonzero(train)), heard.take(np.flatnonzero(~train))
    made = fit(Inline(), "own", ("machine",), params, normals, np.arange(5.0), machine="fan", means=means)
    made.save(tmp_path / "det")
    back = restored(tmp_path / "det", read_json(tmp_path / "det" / "detector.json"), means)  # type: ignore[arg-type]
    np.testing.assert_array_equal(back.score(queries, Inline()), made.score(queries, Inline()))
