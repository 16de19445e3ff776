"""A checkpoint is looked over before a weight is loaded: what is missing, damaged, unsafe or another one is named."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file

from gensup.errors import GensupError
from gensup.store import write_json
from gensup.synthesis.diffusion.checkpoint import Checkpoint, open_checkpoint
from tests.support.tiny_diffusion import CARD, save_tiny

COMMIT = "0123456789abcdef0123456789abcdef01234567"
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny") / "model", "audioldm2")


@pytest.fixture
def model(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hub's cache, empty, and no network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def refused(*_: object, **__: object) -> None:
        raise OSError("no network in a test")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    return tmp_path / "hub"


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def cached(original: Path, cache: Path, name: str = "cvssp/audioldm2") -> Path:
    place = cache / f"models--{name.replace('/', '--')}"
    snapshot = place / "snapshots" / COMMIT
    shutil.copytree(original, snapshot)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    return snapshot


def test_a_folder_is_a_checkpoint(original: Path) -> None:
    found = open_checkpoint(str(original), family="audioldm2")
    assert found == Checkpoint(
        folder=original,
        name=str(original),
        revision=found.revision,
        licence="cc-by-nc-sa-4.0",
        family="audioldm2",
        adapters=None,
    )
    assert len(found.revision) == 64


def test_the_other_family_is_told_apart(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "one", "audioldm")
    assert open_checkpoint(str(folder)).family == "audioldm"
    with pytest.raises(GensupError, match=r"another family \(got 'audioldm'\).*--generator audioldm,"):
        open_checkpoint(str(folder), family="audioldm2")


def test_looking_needs_no_torch(original: Path) -> None:
    code = (
        "import sys; from gensup.synthesis.diffusion.checkpoint import open_checkpoint; "
        f"open_checkpoint({str(original)!r}); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_a_revision_is_what_is_loaded_and_nothing_else(original: Path, model: Path) -> None:
    first = open_checkpoint(str(original)).revision
    assert open_checkpoint(str(model)).revision == first  # wherever it lies
    (model / "README.md").write_text("another card")
    (model / "notes.bin").write_text("not loaded")
    (model / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"a variant")
    assert open_checkpoint(str(model)).revision == first
    for change_one in (
        lambda: change(model / "vae" / "config.json", scaling_factor=0.5),
        lambda: change(model / "scheduler" / "scheduler_config.json", beta_end=0.02),
        lambda: change(model / "tokenizer" / "tokenizer_config.json", model_max_length=77),
        lambda: flip_last_byte(model / UNET),
    ):
        change_one()
        second = open_checkpoint(str(model)).revision
        assert second != first
        first = second


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_folder_is_pinned_by_its_revision(original: Path) -> None:
    found = open_checkpoint(str(original))
    assert open_checkpoint(str(original), found.revision) == found
    assert open_checkpoint(str(original), found.revision[:12]) == found
    for wrong in ("0" * 12, found.revision[:4], "main"):
        with pytest.raises(GensupError, match=f"another revision .*{found.revision}"):
            open_checkpoint(str(original), wrong)


@pytest.mark.parametrize(
    ("card", "name", "licence"),
    [
        (CARD, "model", "cc-by-nc-sa-4.0"),
        ("---\nlicense: other\nlicense_name: our-own\n---\nlicense: mit\n", "model", "our-own"),
        ("---\ntags: []\n---\nlicense: mit\n", "model", "unknown: see the model's card"),
        (None, "model", "unknown: see the model's card"),
    ],
)
def test_a_licence_is_what_the_card_says(model: Path, card: str | None, name: str, licence: str) -> None:
    (model / "README.md").unlink()
    if card is not None:
        (model / "README.md").write_text(card)
    assert open_checkpoint(str(model.parent / name)).licence == licence


def drop(*parts: str) -> Callable[[Path], None]:
    def spoil(model: Path) -> None:
        place = model.joinpath(*parts)
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    return spoil


def cut(model: Path) -> None:
    path = model / UNET
    path.write_bytes(path.read_bytes()[:-10])


def overwrite(data: bytes) -> Callable[[Path], None]:
    return lambda model: (model / UNET).write_bytes(data) and None


def pickled(model: Path) -> None:
    torch.save({}, model / "unet" / "diffusion_pytorch_model.bin")
    (model / UNET).unlink()


def index(**entries: Any) -> Callable[[Path], None]:
    return lambda model: change(model / "model_index.json", **entries)


def escaping_shards(model: Path) -> None:
    (model / UNET).unlink()
    write_json(model / f"{UNET}.index.json", {"weight_map": {"a": "../../vae/diffusion_pytorch_model.safetensors"}})


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (drop("model_index.json"), "no checkpoint"),
        (drop("text_encoder_2"), r"text_encoder_2: a component is missing"),
        (drop("unet", "config.json"), r"unet/config\.json: a configuration is missing"),
        (drop("scheduler", "scheduler_config.json"), "scheduler_config.json: a configuration is missing"),
        (drop("tokenizer", "tokenizer.json"), "tokenizer: no vocabulary"),
        (drop("unet", "diffusion_pytorch_model.safetensors"), "unet: no weights"),
        (pickled, r"unet: pickled weights.*AudioLDM2Pipeline as P.*use_safetensors=False.*safe_serialization=True"),
        (cut, r"diffusion_pytorch_model\.safetensors: no whole safetensors file .*fetch it again"),
        (overwrite(b""), "no whole safetensors file"),
        (overwrite(b"\x80\x02}q\x00."), "no whole safetensors file"),
        (overwrite((5).to_bytes(8, "little") + b"[1,2]"), "no whole safetensors file"),
        (overwrite((2).to_bytes(8, "little") + b"{}tail"), "no whole safetensors file"),
        (overwrite((1 << 62).to_bytes(8, "little")), "no whole safetensors file"),
        (overwrite(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "a Git LFS pointer.*git lfs pull"),
        (index(_class_name="StableAudioPipeline"), "unknown pipeline .*AudioLDMPipeline, AudioLDM2Pipeline"),
        (index(unet=["my_code", "UNet"]), r"\(unet\): a class that is not loaded .*my_code\.UNet"),
        (index(unet=["diffusers", "FluxTransformer2DModel"]), "a class that is not loaded"),
        (index(scheduler=["my_code", "DDIMScheduler"]), r"\(scheduler\): a class that is not loaded"),
        (index(extra=["my_code", "Thing"]), r"\(extra\): a class that is not loaded"),
        (index(vae=[None, None]), r"\(vae\).*names no class"),
        (index(vae="AutoencoderKL"), "names no class"),
        (lambda model: (model / "model_index.json").write_text("[1]"), "no configuration"),
        (lambda model: (model / "model_index.json").write_text("{"), "not valid JSON"),
        (escaping_shards, "not a file beside the index"),
    ],
)
def test_what_is_not_whole_or_not_safe_is_named(model: Path, spoil: Callable[[Path], None], match: str) -> None:
    spoil(model)
    with pytest.raises(GensupError, match=match):
        open_checkpoint(str(model))


def test_what_is_not_used_may_be_null_or_missing(model: Path) -> None:
    shutil.rmtree(model / "feature_extractor")
    change(model / "model_index.json", feature_extractor=[None, None], force_upcast=True)
    assert open_checkpoint(str(model)).family == "audioldm2"


def test_shards_are_weights_too(model: Path) -> None:
    state = load_file(model / UNET)
    (model / UNET).unlink()
    names = sorted(state)
    shards = {"a-1.safetensors": names[::2], "a-2.safetensors": names[1::2]}
    for shard, keys in shards.items():
        save_file({key: state[key] for key in keys}, model / "unet" / shard)
    where = {key: shard for shard, keys in shards.items() for key in keys}
    write_json(model / f"{UNET}.index.json", {"weight_map": where})
    assert open_checkpoint(str(model))
    (model / "unet" / "a-2.safetensors").unlink()
    with pytest.raises(GensupError, match=r"a-2\.safetensors: cannot be read"):
        open_checkpoint(str(model))


def test_a_pickled_file_is_refused_with_the_conversion(tmp_path: Path) -> None:
    (tmp_path / "audioldm2-full.pth").write_bytes(b"\x80\x02}q\x00.")
    for place in (tmp_path / "audioldm2-full.pth", tmp_path):
        with pytest.raises(GensupError, match=r"a pickled checkpoint.*convert_original_audioldm2_to_diffusers\.py"):
            open_checkpoint(str(place))
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(GensupError, match="name its folder"):
        open_checkpoint(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize(
    "name", ["../model", "a/../b", "/no/such/folder", "nofolder", "a/b/c", "a--b/c", "~/nowhere", ""]
)
def test_what_is_neither_folder_nor_name_is_not_asked_of_the_hub(
    name: str, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    match = "no checkpoint" if name == "" else "no such folder"
    with pytest.raises(GensupError, match=match):
        open_checkpoint(name)


def test_offline_takes_what_lies_in_the_cache(original: Path, cache: Path) -> None:
    snapshot = cached(original, cache)
    found = open_checkpoint("cvssp/audioldm2", offline=True)
    assert (found.folder, found.revision, found.name) == (snapshot, COMMIT, "cvssp/audioldm2")
    assert open_checkpoint("cvssp/audioldm2", COMMIT, offline=True) == found
    assert open_checkpoint(str(snapshot)).revision == COMMIT  # the same by its path
    (snapshot / "README.md").unlink()
    assert open_checkpoint("cvssp/audioldm2", offline=True).licence == "cc-by-nc-sa-4.0"  # known of the published ones
    with pytest.raises(GensupError, match=r"not in the hub's cache.*hf download cvssp/audioldm2 --revision fedcba"):
        open_checkpoint("cvssp/audioldm2", "fedcba" + COMMIT[6:], offline=True)


def test_a_partial_download_is_named(original: Path, cache: Path) -> None:
    snapshot = cached(original, cache)
    shutil.rmtree(snapshot / "vocoder")
    with pytest.raises(GensupError, match="vocoder: a component is missing"):
        open_checkpoint("cvssp/audioldm2", offline=True)


def test_without_a_network_it_says_how_to_fetch(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GensupError, match=r"not in the hub's cache.*hf download cvssp/audioldm2 --local-dir"):
        open_checkpoint("cvssp/audioldm2", offline=True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(GensupError, match="nothing is fetched offline"):
        open_checkpoint("cvssp/audioldm2")


def test_a_network_that_fails_says_how_to_fetch(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ConnectionError("name resolution failed")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    with pytest.raises(GensupError, match=r"could not be fetched .*name resolution failed.*hf download"):
        open_checkpoint("cvssp/audioldm2")


def finetuned(original: Path, out: Path, **row: Any) -> Path:
    found = open_checkpoint(str(original))
    out.mkdir()
    save_file({"x": torch.zeros(1)}, out / "adapter.safetensors")
    facts = {"name": str(original), "revision": found.revision, "folder": str(found.folder)}
    fixed = {"schema": 1, "kind": "lora", "base": facts, "family": found.family, "rank": 2, "alpha": 2, "licence": "x"}
    write_json(out / "adapter.json", fixed | row)
    return out


def test_a_fine_tuning_stands_on_its_base(original: Path, model: Path, tmp_path: Path) -> None:
    made = finetuned(model, tmp_path / "ft")
    found = open_checkpoint(str(made), family="audioldm2")
    assert (found.folder, found.adapters, found.name, found.licence) == (model, made, str(made), "x")
    shutil.move(model, tmp_path / "moved")
    with pytest.raises(GensupError, match=r"its base is not there.*put it back.*base\.folder"):
        open_checkpoint(str(made))
    facts = json.loads((made / "adapter.json").read_text())["base"]
    change(made / "adapter.json", base=facts | {"folder": str(tmp_path / "moved")})
    assert open_checkpoint(str(made)).folder == tmp_path / "moved"
    flip_last_byte(tmp_path / "moved" / UNET)
    with pytest.raises(GensupError, match="its base is another one now"):
        open_checkpoint(str(made))


def test_a_base_of_the_hub_is_found_by_its_commit(original: Path, cache: Path, tmp_path: Path) -> None:
    snapshot = cached(original, cache)
    made = finetuned(snapshot, tmp_path / "ft")
    base = {"name": "cvssp/audioldm2", "revision": COMMIT, "folder": "/gone"}
    change(made / "adapter.json", base=base)
    assert open_checkpoint(str(made), offline=True).folder == snapshot


def test_another_adapter_is_another_revision(model: Path, tmp_path: Path) -> None:
    one, two = finetuned(model, tmp_path / "one"), finetuned(model, tmp_path / "two")
    assert open_checkpoint(str(one)).revision == open_checkpoint(str(two)).revision
    flip_last_byte(two / "adapter.safetensors")
    assert open_checkpoint(str(one)).revision != open_checkpoint(str(two)).revision


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ({"schema": 99}, "written by a newer gensup"),
        ({"schema": None}, "no schema number"),
        ({"kind": "peft"}, "says too little"),
        ({"base": "x"}, "says too little"),
        ({"base": {"name": "x"}}, "says no base"),
        ({"family": "audioldm"}, "an adapter of another family"),
    ],
)
def test_a_fine_tuning_that_says_nonsense_is_refused(model: Path, tmp_path: Path, row: Any, match: str) -> None:
    made = finetuned(model, tmp_path / "ft", **row)
    with pytest.raises(GensupError, match=match):
        open_checkpoint(str(made))


def test_an_adapter_cut_short_is_refused(model: Path, tmp_path: Path) -> None:
    made = finetuned(model, tmp_path / "ft")
    path = made / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GensupError, match="no whole safetensors file"):
        open_checkpoint(str(made))
    path.unlink()
    with pytest.raises(GensupError, match=r"adapter\.safetensors: cannot be read"):
        open_checkpoint(str(made))
