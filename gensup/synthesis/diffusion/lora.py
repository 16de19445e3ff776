"""Low-rank adapters on a UNet's attention: trained beside its weights, merged into them for generation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from gensup.errors import GensupError
from gensup.store import SCHEMA, version, write_bytes, write_json
from gensup.synthesis.diffusion.checkpoint import Checkpoint, read_config

if TYPE_CHECKING:
    from gensup.clip import Json

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
_A, _B = "lora_A", "lora_B"


class LoraLinear(nn.Module):
    """W x + b + alpha / rank * B A x, with W and b held still (Hu et al., 2021). B begins at zero: nothing changes.

    A and B are float32 whatever W is, so that half precision does not swallow their small steps.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_A = nn.Linear(base.in_features, rank, bias=False, device="meta")
        self.lora_B = nn.Linear(rank, base.out_features, bias=False, device="meta")
        bound = 1 / sqrt(base.in_features)  # as nn.Linear and peft begin
        start = torch.empty(rank, base.in_features).uniform_(-bound, bound, generator=generator)
        device = base.weight.device
        self.lora_A.weight = nn.Parameter(start.to(device))
        self.lora_B.weight = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        base: Tensor = self.base(x)
        added: Tensor = self.lora_B(self.lora_A(x.to(self.lora_A.weight.dtype)))
        return base + (self.scale * added).to(base.dtype)


def apply_lora(
    unet: nn.Module,
    rank: int,
    alpha: float | None = None,
    targets: Sequence[str] = TARGETS,
    *,
    seed: int = 0,
) -> list[nn.Parameter]:
    """Put a ``LoraLinear`` in place of every linear layer whose name ends with a target, and hold all else still.

    Args:
        alpha: the update is weighted by alpha / rank; as large as the rank where it is not given.

    Returns:
        What is to be trained, in the order of the modules.

    Raises:
        GensupError: no rank above 0, or no such layer.
    """
    if rank < 1:
        raise GensupError("no rank", where="rank", value=rank, rule="1 or more")
    generator = torch.Generator().manual_seed(seed)
    found = [name for name, module in unet.named_modules() if isinstance(module, nn.Linear) and _is(name, targets)]
    if not found:
        raise GensupError("no layer to adapt", where="targets", value=", ".join(targets), rule=f"such as {TARGETS}")
    unet.requires_grad_(False)
    for name in found:
        parent, _, child = name.rpartition(".")
        base = unet.get_submodule(name)
        assert isinstance(base, nn.Linear)
        unet.get_submodule(parent).register_module(child, LoraLinear(base, rank, alpha or rank, generator))
    return [weight for weight in unet.parameters() if weight.requires_grad]


def lora_state(unet: nn.Module) -> dict[str, Tensor]:
    """What was trained: ``<module>.lora_A.weight`` (rank, in) and ``<module>.lora_B.weight`` (out, rank).

    With peft, ``UNet2DConditionModel.load_lora_adapter(state, prefix=None)`` of diffusers reads the same names. It
    weights by 1, as alpha = rank does here. (AudioLDM2's UNet has no such method there.)
    """
    state = unet.state_dict()
    return {
        key: weight.detach().cpu().contiguous() for key, weight in state.items() if f".{_A}." in key or f".{_B}." in key
    }


@torch.no_grad()
def merge_lora(unet: nn.Module, state: Mapping[str, Tensor], scale: float) -> None:
    """W + scale * B A, for good, in place. Computed in float32.

    Raises:
        GensupError: a name or a shape that does not fit this UNet, half a pair, a number that is none. Nothing is
            changed then.
    """
    pairs = _pairs(unet, state)
    for layer, a, b in pairs:
        weight = layer.weight
        update = scale * (b.to(weight.device, torch.float32) @ a.to(weight.device, torch.float32))
        weight.copy_((weight.float() + update).to(weight.dtype))


def load_adapter(unet: nn.Module, folder: Path) -> None:
    """Change a UNet to what ``gensup finetune`` left in a folder: ``adapter.json`` and ``adapter.safetensors``.

    Raises:
        GensupError: it does not fit this UNet.
    """
    from safetensors.torch import load_file

    row, path = read_config(folder / "adapter.json"), folder / "adapter.safetensors"
    state = load_file(path)
    if row.get("kind") == "full":
        shapes = {key: weight.shape for key, weight in unet.state_dict().items()}
        wrong = [
            key for key in sorted(shapes.keys() | state) if key not in state or shapes.get(key) != state[key].shape
        ]
        if wrong:
            raise _misfit(path, wrong[0], "the names and shapes of the UNet it was trained from")
        unet.load_state_dict(state)
        return
    rank, alpha = row.get("rank"), row.get("alpha")
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1:
        raise GensupError("says no rank or alpha", where=str(folder / "adapter.json"))
    if any(weight.shape[0] != rank for key, weight in state.items() if f".{_A}." in key):
        raise _misfit(path, f"rank {rank}", "the rank of its weights")
    try:
        merge_lora(unet, state, alpha / rank)
    except GensupError as error:
        raise GensupError(error.what, where=str(path), value=error.value, rule=error.rule) from error


def save_adapter(
    folder: Path,
    state: Mapping[str, Tensor],
    base: Checkpoint,
    *,
    kind: Literal["lora", "full"],
    rank: int | None = None,
    alpha: float | None = None,
    **facts: Json,
) -> None:
    """Write what ``load_adapter`` and ``open_checkpoint`` read, each file whole or not at all, the weights first.

    Args:
        state: of ``lora_state``, or a whole UNet's.
        base: what it was trained from.
        facts: whatever else is to be known of it, such as ``targets`` and ``steps``.

    Raises:
        GensupError: the base has adapters itself, or the folder cannot be written.
    """
    if base.adapters is not None:
        remedy = f"train from {base.folder}"
        raise GensupError("adapters of adapters", where=base.name, rule="a base is a whole checkpoint", remedy=remedy)
    from safetensors.torch import save

    tensors = {key: weight.detach().cpu().contiguous() for key, weight in state.items()}
    write_bytes(folder / "adapter.safetensors", save(tensors))
    row: dict[str, Json] = {
        "schema": SCHEMA,
        "gensup": version(),
        "kind": kind,
        "base": {"name": base.name, "revision": base.revision, "folder": str(base.folder)},
        "family": base.family,
        "licence": base.licence,  # what is made from weights is bound by their licence
        "rank": rank,
        "alpha": alpha,
    }
    write_json(folder / "adapter.json", facts | row)


def _is(name: str, targets: Sequence[str]) -> bool:
    return any(name == target or name.endswith(f".{target}") for target in targets)


def _pairs(unet: nn.Module, state: Mapping[str, Tensor]) -> list[tuple[nn.Linear, Tensor, Tensor]]:
    halves: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, weight in state.items():
        module, _, kind = key.removesuffix(".weight").rpartition(".")
        if kind not in {_A, _B} or not key.endswith(".weight"):
            raise _misfit("adapter", key, f"<module>.{_A}.weight or <module>.{_B}.weight")
        if not weight.isfinite().all():
            raise _misfit("adapter", key, "finite numbers")
        halves[module][kind] = weight
    layers = dict(unet.named_modules())
    pairs = []
    for module, both in halves.items():
        layer = layers.get(module)
        if not isinstance(layer, nn.Linear):
            raise _misfit("adapter", module, "a linear layer of the UNet")
        if both.keys() != {_A, _B}:
            raise _misfit("adapter", module, f"{_A} and {_B}")
        a, b = both[_A], both[_B]
        fits = a.dim() == b.dim() == 2 and a.shape[0] == b.shape[1]
        if not fits or (b.shape[0], a.shape[1]) != (layer.out_features, layer.in_features):
            value = f"{module}: {tuple(a.shape)}, {tuple(b.shape)}"
            raise _misfit("adapter", value, f"(rank, {layer.in_features}) and ({layer.out_features}, rank)")
        pairs.append((layer, a, b))
    if not pairs:
        raise _misfit("adapter", "nothing", "at least one layer")
    return pairs


def _misfit(where: Path | str, value: str, rule: str) -> GensupError:
    return GensupError("an adapter that does not fit", where=str(where), value=value, rule=rule)
