"""Adapters of a UNet in a folder: written after training, merged into its weights for generation.

With peft, ``UNet2DConditionModel.load_lora_adapter(state, prefix=None)`` of diffusers reads the same names. It weights
by 1, as alpha = rank does here. (AudioLDM2's UNet has no such method there.)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn

from gensup.errors import GensupError
from gensup.store import SCHEMA, version, write_bytes, write_json
from gensup.synthesis.diffusion.checkpoint import Checkpoint, read_config
from gensup.training.lora import merge_lora, misfit

if TYPE_CHECKING:
    from gensup.clip import Json

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")


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
            raise misfit(path, wrong[0], "the names and shapes of the UNet it was trained from")
        unet.load_state_dict(state)
        return
    rank, alpha = row.get("rank"), row.get("alpha")
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1:
        raise GensupError("says no rank or alpha", where=str(folder / "adapter.json"))
    if any(weight.shape[0] != rank for key, weight in state.items() if ".lora_A." in key):
        raise misfit(path, f"rank {rank}", "the rank of its weights")
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
