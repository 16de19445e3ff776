"""NumPy arrays and torch tensors, as far as augmentation treats them alike; this room imports no torch."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Batch: TypeAlias = Any
"""An array or a tensor whose first axis is the batch."""


def like(values: NDArray[Any], other: Batch, ndim: int = 1) -> Batch:
    """``values`` as what ``other`` is, in its precision and place, with axes of length 1 behind up to ``ndim``."""
    shaped = values.reshape(values.shape + (1,) * (ndim - values.ndim))
    if isinstance(other, np.ndarray):
        return shaped if values.dtype.kind in "bi" else shaped.astype(other.dtype)
    return other.new_tensor(shaped, dtype=_torch_kind(values.dtype.kind))


def taken(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    """The rows of a batch, in another order."""
    return batch[rows] if isinstance(batch, np.ndarray) else batch[like(rows, batch)]


def joined(parts: list[Batch], axis: int = 1) -> Batch:
    """Blocks side by side."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=axis)
    import torch

    return torch.cat(parts, dim=axis)


def blocks(targets: Batch, changed: NDArray[np.bool_], exchanged: list[Batch]) -> Batch:
    """(batch, (1 + n) classes): targets in the first block where nothing was changed, and in the others what was."""
    kept = targets * like(~changed, targets, 2)
    return joined([kept, *(part * like(changed, targets, 2) for part in exchanged)])


def _torch_kind(kind: str) -> Any:
    """Of flags and places; None, the other tensor's own, for numbers."""
    if kind not in "bi":
        return None
    import torch

    return torch.bool if kind == "b" else torch.long
