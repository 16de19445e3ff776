"""The processes that train together: accelerate's, however it was started; alone it is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor, nn

from gensup.errors import GensupError
from gensup.training.course import PRECISIONS

PATIENCE = timedelta(hours=12)  # one of them may encode every clip while the others wait
BUCKET = 1 << 24  # numbers that are summed in one message


class Team:
    """This process among those that ``accelerate launch`` started; weights are float32, in autocast where asked.

    Networks are called as they are, so nothing is wrapped: gradients are summed here, after the last part of a step.

    Args:
        precision: one of ``PRECISIONS``.
        device: "cpu", or None or "cuda" for what accelerate finds.

    Raises:
        GensupError: no such device, or a precision that it does not have.
    """

    def __init__(self, precision: str = "float32", device: str | None = None) -> None:
        try:
            wanted = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        except RuntimeError:
            wanted = None
        if wanted is None or (wanted.type == "cuda" and not torch.cuda.is_available()):
            raise GensupError("no such device", where="--device", value=device, remedy="leave it out, or say cpu")
        if precision == "float16" and wanted.type != "cuda":
            raise GensupError("float16 is trained on a GPU only", where="--dtype", remedy="say bfloat16 or float32")
        # Of an earlier training in this process, which may have had another precision.
        AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
        self.accelerator = Accelerator(
            mixed_precision=PRECISIONS[precision],
            cpu=wanted.type == "cpu",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
        )
        self.precision = precision
        self.device = wanted if wanted.index is not None and self.size == 1 else self.accelerator.device

    @property
    def place(self) -> int:
        place: int = self.accelerator.process_index
        return place

    @property
    def size(self) -> int:
        size: int = self.accelerator.num_processes
        return size

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        first: bool = self.accelerator.is_main_process
        return first

    def wait(self) -> None:
        """Until all others are here, too."""
        self.accelerator.wait_for_everyone()

    def share(self, count: int, parts: int = 1) -> Iterator[list[int]]:
        """This process's places out of ``count``, in so many parts; together they are each place once."""
        shares = np.array_split(np.arange(count), self.size * parts)
        for places in shares[self.place * parts : (self.place + 1) * parts]:
            yield [int(place) for place in places]

    def sum(self, value: Tensor) -> Tensor:
        """Over all processes."""
        if self.size == 1:
            return value
        total: Tensor = self.accelerator.reduce(value.to(self.device), "sum")
        return total

    def autocast(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = self.accelerator.autocast()
        return context

    def optimizer(self, parameters: Iterable[nn.Parameter], rate: float, weight_decay: float) -> Any:
        """AdamW, which with float16 passes over a step whose gradients overflow."""
        fused = self.device.type == "cpu"  # half the time of a small network's step
        made = torch.optim.AdamW(parameters, lr=rate, weight_decay=weight_decay, fused=fused)
        return made if self.accelerator.scaler is None else self.accelerator.prepare_optimizer(made)

    def backward(self, loss: Tensor) -> None:
        if self.accelerator.scaler is not None:
            loss = self.accelerator.scaler.scale(loss)
        loss.backward()  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def gathered(self, parameters: Iterable[nn.Parameter], optimizer: Any) -> None:
        """Sum the gradients over all processes, and take float16's scale off them."""
        if self.size > 1:
            for bucket in _buckets([p for p in parameters if p.grad is not None]):
                flat = self.sum(torch.cat([p.grad.reshape(-1) for p in bucket if p.grad is not None]))
                sums = torch.split(flat, [p.numel() for p in bucket])
                for parameter, summed in zip(bucket, sums, strict=True):
                    parameter.grad = summed.reshape(parameter.shape).clone()
        self.accelerator.unscale_gradients(optimizer)

    @property
    def scale(self) -> float | None:
        """What float16's losses are multiplied by at this moment."""
        scaler = self.accelerator.scaler
        return None if scaler is None else float(scaler.get_scale())

    def scaler_state(self) -> dict[str, float | int] | None:
        """What float16 needs to continue."""
        scaler = self.accelerator.scaler
        return None if scaler is None else scaler.state_dict()

    def restore_scaler(self, state: dict[str, Any] | None) -> None:
        if state is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state)


def has_gpu(device: str | None) -> bool:
    """Whether a team would train on a GPU."""
    return torch.cuda.is_available() and (device is None or torch.device(device).type == "cuda")


def _buckets(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if bucket and size + parameter.numel() > BUCKET:
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.numel()
    if bucket:
        yield bucket
