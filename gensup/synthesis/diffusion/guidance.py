"""How predictions under the empty, the normal and the anomaly caption become one: severity is a weight."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal, TypeAlias

from gensup.errors import GensupError
from gensup.synthesis.parameters import checked_severity

if TYPE_CHECKING:
    from torch import Tensor

Caption: TypeAlias = Literal["empty", "normal", "anomaly"]


def needed(weight: float, *, negative: bool = False) -> tuple[Caption, ...]:
    """The captions under which a row of this weight must be predicted: a normal twin needs no anomaly."""
    if not weight:
        return "empty", "normal"
    return ("normal", "anomaly") if negative else ("empty", "normal", "anomaly")


def guided(
    empty: Tensor, normal: Tensor, anomaly: Tensor, guidance: float, weights: Tensor, *, negative: bool = False
) -> Tensor:
    """empty + g (normal - empty) + w (anomaly - normal), a row each.

    w = 0 is the normal twin, w = g ordinary guidance towards the anomaly caption. ``negative`` is the plain variant,
    the call that people know from diffusers with the normal caption as negative prompt: normal + w g (anomaly -
    normal), so that w = 1 is that call at guidance g; its normal twin (w = 0) is guided away from "" as above.

    Args:
        empty, normal, anomaly: predictions, (rows, channels, height, width). What ``needed`` does not name is not
            looked at: it may hold anything, also what is not finite.
        weights: w, (rows,). Where it is 0 the result is that of the first two terms, bit for bit.
    """
    import torch

    w = weights.to(normal).reshape(-1, *(1,) * (normal.dim() - 1))
    plain = empty + guidance * (normal - empty)
    towards = normal + w * guidance * (anomaly - normal) if negative else plain + w * (anomaly - normal)
    return torch.where(w == 0, plain, towards)


def checked_guidance(guidance: float) -> float:
    """``guidance`` itself.

    Raises:
        GensupError: it is negative or not finite.
    """
    if not (isfinite(guidance) and guidance >= 0):
        raise GensupError("not a guidance", where="--guidance", value=guidance, rule="0 or more; 1 is none at all")
    return guidance


def checked_weights(weights: tuple[float | None, ...]) -> tuple[float, ...]:
    """As numbers: None, like 0, is the normal twin.

    Raises:
        GensupError: one is negative or not finite.
    """
    return tuple(checked_severity(float(weight or 0)) for weight in weights)
