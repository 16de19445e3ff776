"""Adapters: the update is the formula, merging changes no sound, and what does not fit is refused whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gensup.errors import GensupError
from gensup.store import write_json
from gensup.synthesis.diffusion.checkpoint import open_checkpoint
from gensup.synthesis.diffusion.family import FAMILIES
from gensup.synthesis.diffusion.lora import TARGETS, load_adapter, save_adapter
from gensup.training.lora import LoraLinear, apply_lora, lora_state, merge_lora
from tests.support.tiny_diffusion import AudioLDM2UNet2DConditionModel, UNet2DConditionModel, save_tiny

CAPTION = "a fan with a rattling noise"


@pytest.fixture(scope="module", params=["audioldm", "audioldm2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny") / "model", request.param)


def opened(folder: Path, **how: Any) -> Any:
    checkpoint = open_checkpoint(str(folder))
    return FAMILIES.load(checkpoint.family).open(checkpoint, **how)


def unet_of(folder: Path) -> nn.Module:
    first = open_checkpoint(str(folder)).family == "audioldm"
    return (UNet2DConditionModel if first else AudioLDM2UNet2DConditionModel).from_pretrained(folder / "unet").eval()


@pytest.fixture(scope="module")
def untouched(folder: Path) -> nn.Module:
    """A UNet that no test changes."""
    return unet_of(folder)


@pytest.fixture(scope="module")
def learnt(folder: Path) -> dict[str, Tensor]:
    return trained(unet_of(folder), 2, 2.0)


def step(family: Any) -> Tensor:
    latents = torch.randn(1, *family.grid.latent(0.3), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return family.denoise(latents, torch.tensor(321), family.stack(family.encode_text([CAPTION])))


def trained(unet: nn.Module, rank: int, alpha: float) -> dict[str, Tensor]:
    """As if it had been: both halves are far from zero."""
    generator = torch.Generator().manual_seed(4)
    for weight in apply_lora(unet, rank, alpha, targets=TARGETS):
        weight.data = 0.3 * torch.randn(weight.shape, generator=generator)
    return lora_state(unet)


def adapter(base: Path, out: Path, state: dict[str, Tensor], **facts: Any) -> Path:
    save_adapter(out, state, open_checkpoint(str(base)), **facts)
    return out


def test_a_layer_is_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    base = nn.Linear(6, 5)
    layer = LoraLinear(base, 3, 12.0, generator)
    x = torch.randn(4, 6, generator=generator)
    torch.testing.assert_close(layer(x), base(x), rtol=0, atol=0)  # B begins at zero
    layer.lora_B.weight.data.normal_(generator=generator)
    w, b, a = base.weight, layer.lora_B.weight, layer.lora_A.weight
    expected = x @ (w + 12.0 / 3 * b @ a).T + base.bias
    torch.testing.assert_close(layer(x), expected)
    assert {name for name, weight in layer.named_parameters() if weight.requires_grad} == {
        "lora_A.weight",
        "lora_B.weight",
    }


def test_half_precision_keeps_its_updates_whole() -> None:
    layer = LoraLinear(nn.Linear(6, 5).bfloat16(), 2, 2.0, torch.Generator())
    assert layer.lora_A.weight.dtype == torch.float32
    assert layer(torch.ones(1, 6, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_applied_it_changes_nothing_yet_and_trains_itself_alone(folder: Path) -> None:
    family = opened(folder)
    before = step(family)
    attention = [name for name, _ in family.unet.named_modules() if name.endswith(("to_q", "to_v"))]
    weights = apply_lora(family.unet, 2, targets=TARGETS)
    assert torch.equal(step(family), before)
    names = {name for name, weight in family.unet.named_parameters() if weight.requires_grad}
    assert len(weights) == len(names) == 2 * 2 * len(attention) > 0  # of to_q, to_k, to_v, to_out.0
    assert names == set(lora_state(family.unet))
    latents = torch.randn(1, *family.grid.latent(0.3))
    family.denoise(latents, torch.tensor(9), family.stack(family.encode_text([CAPTION]))).square().sum().backward()
    moved = [weight.grad.abs().sum() > 0 for name, weight in family.unet.named_parameters() if "lora_B" in name]
    # Attention to a single key weighs it by 1 whatever the query is; all others learn.
    assert sum(map(bool, moved)) >= len(moved) // 2


def test_a_seed_is_a_beginning(folder: Path) -> None:
    first, same, other = (unet_of(folder) for _ in range(3))
    for unet, seed in ((first, 1), (same, 1), (other, 2)):
        apply_lora(unet, 2, targets=TARGETS, seed=seed)
    one, two, three = (lora_state(unet) for unet in (first, same, other))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert any(not torch.equal(one[key], three[key]) for key in one)


def test_merged_is_what_was_trained(folder: Path) -> None:
    family, plain = opened(folder), opened(folder)
    before = step(family)
    state = trained(family.unet, 3, 6.0)
    unmerged = step(family)
    assert (unmerged - before).abs().max() > 1e-3
    key = next(key for key in state if key.endswith(".to_q.lora_A.weight")).removesuffix(".lora_A.weight")
    old = plain.unet.get_submodule(key).weight.clone()
    merge_lora(plain.unet, state, 6.0 / 3)
    torch.testing.assert_close(step(plain), unmerged, rtol=0, atol=1e-5)
    expected = old + 2.0 * state[f"{key}.lora_B.weight"] @ state[f"{key}.lora_A.weight"]
    torch.testing.assert_close(plain.unet.get_submodule(key).weight, expected)
    assert not any(isinstance(module, LoraLinear) for module in plain.unet.modules())


@pytest.mark.parametrize("folder", ["audioldm"], indirect=True)  # diffusers' UNet of AudioLDM2 takes no adapters
def test_peft_reads_the_same_keys(folder: Path) -> None:
    """What ``load_lora_adapter`` of diffusers makes of them, with alpha as large as the rank."""
    family, theirs = opened(folder), opened(folder)
    state = trained(family.unet, 2, 2.0)
    theirs.unet.load_lora_adapter(state, prefix=None)
    torch.testing.assert_close(step(theirs), step(family), rtol=0, atol=1e-5)


def test_a_folder_of_adapters_is_a_model(folder: Path, tmp_path: Path) -> None:
    family = opened(folder)
    state = trained(family.unet, 3, 6.0)
    made = adapter(folder, tmp_path / "ft", state, kind="lora", rank=3, alpha=6.0)
    base, found = open_checkpoint(str(folder)), open_checkpoint(str(made))
    assert (found.adapters, found.folder, found.family) == (made, base.folder, base.family)
    assert found.revision not in (base.revision, "")
    torch.testing.assert_close(step(opened(made)), step(family), rtol=0, atol=1e-5)
    half = opened(made, dtype="bfloat16")
    assert half.unet.dtype == torch.bfloat16
    exact = family.unet.get_submodule(next(iter(state)).rpartition(".lora_")[0])
    merged = half.unet.get_submodule(next(iter(state)).rpartition(".lora_")[0]).weight
    update = 2.0 * exact.lora_B.weight @ exact.lora_A.weight
    assert torch.equal(merged, (exact.base.weight + update).bfloat16())  # rounded once, after the sum


def test_a_whole_unet_replaces_the_bases(folder: Path, tmp_path: Path) -> None:
    family = opened(folder)
    with torch.no_grad():
        family.unet.conv_out.weight.add_(0.05)
    state = {key: weight.contiguous() for key, weight in family.unet.state_dict().items()}
    made = adapter(folder, tmp_path / "ft", state, kind="full")
    assert torch.equal(step(opened(made)), step(family))
    state.pop("conv_in.bias")
    save_file(state, made / "adapter.safetensors")
    with pytest.raises(GensupError, match=r"does not fit \(got 'conv_in\.bias'\)"):
        load_adapter(family.unet, made)


def key_of(state: dict[str, Tensor]) -> str:
    return min(key for key in state if key.endswith("to_v.lora_A.weight"))


def unknown_module(state: dict[str, Tensor]) -> None:
    state["down_blocks.9.to_q.lora_A.weight"] = torch.zeros(2, 8)
    state["down_blocks.9.to_q.lora_B.weight"] = torch.zeros(8, 2)


def unknown_key(state: dict[str, Tensor]) -> None:
    state["conv_in.weight"] = torch.zeros(1)


def half_a_pair(state: dict[str, Tensor]) -> None:
    del state[key_of(state)]


def another_width(state: dict[str, Tensor]) -> None:
    state[key_of(state)] = torch.zeros(2, 5)


def another_rank(state: dict[str, Tensor]) -> None:
    state[key_of(state)] = torch.zeros(3, state[key_of(state)].shape[1])


def no_number(state: dict[str, Tensor]) -> None:
    state[key_of(state)][0, 0] = float("nan")


def no_layer(state: dict[str, Tensor]) -> None:
    state.clear()


@pytest.mark.parametrize(
    "spoil", [unknown_module, unknown_key, half_a_pair, another_width, another_rank, no_number, no_layer]
)
def test_what_does_not_fit_changes_nothing(
    folder: Path, untouched: nn.Module, learnt: dict[str, Tensor], tmp_path: Path, spoil: Any
) -> None:
    state = {key: weight.clone() for key, weight in learnt.items()}
    spoil(state)
    unet = untouched
    before = {key: weight.clone() for key, weight in unet.state_dict().items()}
    with pytest.raises(GensupError, match="an adapter that does not fit"):
        merge_lora(unet, state, 1.0)
    made = adapter(folder, tmp_path / "ft", state, kind="lora", rank=2, alpha=2.0)
    with pytest.raises(GensupError, match=r"adapter\.safetensors: an adapter that does not fit"):
        load_adapter(unet, made)
    assert all(torch.equal(weight, before[key]) for key, weight in unet.state_dict().items())


def test_a_record_that_lies_of_its_rank_is_refused(
    folder: Path, untouched: nn.Module, learnt: dict[str, Tensor], tmp_path: Path
) -> None:
    made = adapter(folder, tmp_path / "ft", learnt, kind="lora", rank=4, alpha=4.0)
    with pytest.raises(GensupError, match="rank 4"):
        load_adapter(untouched, made)
    row = json.loads((made / "adapter.json").read_text())
    write_json(made / "adapter.json", row | {"alpha": None})
    with pytest.raises(GensupError, match="no rank or alpha"):
        load_adapter(untouched, made)


def test_nothing_to_adapt_is_refused(untouched: nn.Module) -> None:
    with pytest.raises(GensupError, match="no layer to adapt"):
        apply_lora(untouched, 2, targets=("to_z",))
    with pytest.raises(GensupError, match="no rank"):
        apply_lora(untouched, 0, targets=TARGETS)


def test_what_is_written_names_its_base(folder: Path, learnt: dict[str, Tensor], tmp_path: Path) -> None:
    base = open_checkpoint(str(folder))
    made = adapter(folder, tmp_path / "ft", learnt, kind="lora", rank=2, alpha=2.0, steps=7, targets=["to_q"])
    row = json.loads((made / "adapter.json").read_text())
    assert row["base"] == {"name": str(folder), "revision": base.revision, "folder": str(folder)}
    assert (row["steps"], row["targets"], row["licence"]) == (7, ["to_q"], "cc-by-nc-sa-4.0")
    found = open_checkpoint(str(made), family=base.family)
    assert found.licence == "cc-by-nc-sa-4.0"
    with pytest.raises(GensupError, match="adapters of adapters"):
        save_adapter(tmp_path / "again", learnt, found, kind="lora", rank=2, alpha=2.0)
