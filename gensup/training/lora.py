"""Low-rank adapters (Hu et al., 2021) on linear layers: trained beside their weights, merged into them for use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path

import torch
from torch import Tensor, nn

from gensup.errors import GensupError

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
    network: nn.Module,
    rank: int,
    alpha: float | None = None,
    *,
    targets: Sequence[str],
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
    found = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear) and _is(name, targets)]
    if not found:
        raise GensupError(
            "no layer to adapt",
            where="targets",
            value=", ".join(targets),
            rule="names that linear layers end with",
        )
    network.requires_grad_(False)
    for name in found:
        parent, _, child = name.rpartition(".")
        base = network.get_submodule(name)
        assert isinstance(base, nn.Linear)
        network.get_submodule(parent).register_module(child, LoraLinear(base, rank, alpha or rank, generator))
    return [weight for weight in network.parameters() if weight.requires_grad]


def lora_state(network: nn.Module) -> dict[str, Tensor]:
    """What was trained: ``<module>.lora_A.weight`` (rank, in) and ``<module>.lora_B.weight`` (out, rank)."""
    state = network.state_dict()
    return {
        key: weight.detach().cpu().contiguous() for key, weight in state.items() if f".{_A}." in key or f".{_B}." in key
    }


@torch.no_grad()
def merge_lora(network: nn.Module, state: Mapping[str, Tensor], scale: float) -> None:
    """W + scale * B A, for good, in place. Computed in float32.

    Raises:
        GensupError: a name or a shape that does not fit this network, half a pair, a number that is none. Nothing is
            changed then.
    """
    pairs = _pairs(network, state)
    for layer, a, b in pairs:
        weight = layer.weight
        update = scale * (b.to(weight.device, torch.float32) @ a.to(weight.device, torch.float32))
        weight.copy_((weight.float() + update).to(weight.dtype))


@torch.no_grad()
def fold_lora(network: nn.Module) -> None:
    """Every ``LoraLinear`` becomes the linear layer that it amounts to, for good, in place. Computed in float32."""
    for name, layer in [(name, layer) for name, layer in network.named_modules() if isinstance(layer, LoraLinear)]:
        weight = layer.base.weight
        update = layer.scale * (layer.lora_B.weight @ layer.lora_A.weight)
        weight.copy_((weight.float() + update.to(weight.device)).to(weight.dtype))
        parent, _, child = name.rpartition(".")
        network.get_submodule(parent).register_module(child, layer.base)


def _is(name: str, targets: Sequence[str]) -> bool:
    return any(name == target or name.endswith(f".{target}") for target in targets)


def _pairs(network: nn.Module, state: Mapping[str, Tensor]) -> list[tuple[nn.Linear, Tensor, Tensor]]:
    halves: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, weight in state.items():
        module, _, kind = key.removesuffix(".weight").rpartition(".")
        if kind not in {_A, _B} or not key.endswith(".weight"):
            raise misfit("adapter", key, f"<module>.{_A}.weight or <module>.{_B}.weight")
        if not weight.isfinite().all():
            raise misfit("adapter", key, "finite numbers")
        halves[module][kind] = weight
    layers = dict(network.named_modules())
    pairs = []
    for module, both in halves.items():
        layer = layers.get(module)
        if not isinstance(layer, nn.Linear):
            raise misfit("adapter", module, "a linear layer of the network")
        if both.keys() != {_A, _B}:
            raise misfit("adapter", module, f"{_A} and {_B}")
        a, b = both[_A], both[_B]
        fits = a.dim() == b.dim() == 2 and a.shape[0] == b.shape[1]
        if not fits or (b.shape[0], a.shape[1]) != (layer.out_features, layer.in_features):
            value = f"{module}: {tuple(a.shape)}, {tuple(b.shape)}"
            raise misfit("adapter", value, f"(rank, {layer.in_features}) and ({layer.out_features}, rank)")
        pairs.append((layer, a, b))
    if not pairs:
        raise misfit("adapter", "nothing", "at least one layer")
    return pairs


def misfit(where: Path | str, value: str, rule: str) -> GensupError:
    return GensupError("an adapter that does not fit", where=str(where), value=value, rule=rule)
