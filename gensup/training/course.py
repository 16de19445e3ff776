"""How a training goes: all that decides its weights beside the network and what it is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from gensup.errors import GensupError
from gensup.registry import unknown

DECAY = 0.999
PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
"""What a network computes in while it is trained, by accelerate's names; its weights are float32 always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a training goes. Its weights after n steps do not depend on how many steps come after them."""

    steps: int = 10_000
    batch: int = 32  # rows a step, however many processes and parts they are spread over
    accumulate: int = 1  # parts that a process works through one after another
    rate: float | None = 1e-3  # AdamW's, when the warm-up is over
    warmup: int = 100  # steps until the rate is whole
    weight_decay: float = 0.01  # 0: Adam
    clip: float | None = 1.0  # the gradient's norm, at most
    decay: float | None = DECAY  # of the moving average; None: there is none
    seed: int = 0
    dtype: str = "float32"
    validate_every: int = 500
    checkpoint_every: int = 500
    keep_at: tuple[int, ...] = ()  # steps whose weights stay: checkpoints are candidates
    patience: int | None = None  # validations without a better one that end the training; None: it goes on

    @property
    def learning_rate(self) -> float:
        assert self.rate is not None
        return self.rate

    def named(self, field: str) -> str:
        """How the user calls a field."""
        return field

    def checked(self, processes: int = 1) -> Course:
        """Itself; GensupError when a value makes no sense."""
        for name in ("steps", "batch", "accumulate", "validate_every", "checkpoint_every", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise GensupError("too few", where=self.named(name), value=value, rule="at least 1")
        for name, number in (("rate", self.learning_rate), ("clip", self.clip)):
            if number is not None and not (isfinite(number) and number > 0):
                raise GensupError("makes no sense", where=self.named(name), value=number, rule="above 0")
        if self.dtype not in PRECISIONS:
            raise unknown("dtype", self.dtype, tuple(PRECISIONS), where=self.named("dtype"))
        if self.batch < self.accumulate * processes:
            raise GensupError(
                "a batch too small to be shared",
                where=self.named("batch"),
                value=self.batch,
                rule=f"at least one row for each of {processes} processes and {self.accumulate} parts",
            )
        return self
