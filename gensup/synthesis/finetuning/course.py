"""How a training goes: all that decides its weights beside the clips and the checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, cast

from gensup.errors import GensupError
from gensup.registry import unknown

if TYPE_CHECKING:
    from gensup.clip import Json

DECAY = 0.999
RANK = 32
RATES = {"lora": 1e-4, "full": 1e-5}
PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
"""What a UNet computes in while it is trained, by accelerate's names; its weights are float32 always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a training goes."""

    rank: int | None = RANK  # of the adapters on the UNet's attention; None: the whole UNet is trained
    parts: tuple[str, ...] = ("unet",)  # of the model; nothing else can be trained, see ``checked``
    steps: int = 10_000
    batch: int = 32  # clips a step, however many processes and parts they are spread over
    accumulate: int = 1  # parts that a process works through one after another
    rate: float | None = None  # None: of RATES
    warmup: int = 100  # steps until the rate is whole
    decay: float = DECAY  # of the moving average
    min_snr: float | None = None
    seed: int = 0
    seconds: float = 10.0  # of a clip, laid on the model's grid
    wraps: int = 4  # offsets at which each clip is encoded
    dtype: str = "float32"
    validate_every: int = 500
    checkpoint_every: int = 500
    patience: int | None = None  # validations without a better one that end the training; None: it goes on

    @property
    def learning_rate(self) -> float:
        return self.rate if self.rate is not None else RATES["full" if self.rank is None else "lora"]

    def checked(self, processes: int = 1) -> Course:
        """Itself; GensupError when a value makes no sense."""
        for name, value in (
            ("--lora", 1 if self.rank is None else self.rank),
            ("--steps", self.steps),
            ("--batch", self.batch),
            ("--accumulate", self.accumulate),
            ("--validate-every", self.validate_every),
            ("--checkpoint-every", self.checkpoint_every),
            ("--patience", 1 if self.patience is None else self.patience),
        ):
            if value < 1:
                raise GensupError("too few", where=name, value=value, rule="at least 1")
        for name, number in (("--lr", self.learning_rate), ("--seconds", self.seconds), ("--min-snr", self.min_snr)):
            if number is not None and not (isfinite(number) and number > 0):
                raise GensupError("makes no sense", where=name, value=number, rule="above 0")
        if self.dtype not in PRECISIONS:
            raise unknown("dtype", self.dtype, tuple(PRECISIONS), where="--dtype")
        for part in self.parts:
            if part != "unet":
                raise GensupError(
                    "cannot be trained together with cached embeddings",
                    where="parts",
                    value=part,
                    rule="captions are embedded once, before training: what makes embeddings stays as it is",
                    remedy="train the UNet",
                )
        if self.batch < self.accumulate * processes:
            raise GensupError(
                "a batch too small to be shared",
                where="--batch",
                value=self.batch,
                rule=f"at least one clip for each of {processes} processes and {self.accumulate} parts",
            )
        return self

    def described(self) -> dict[str, Json]:
        """For run.json."""
        return cast("dict[str, Json]", asdict(self) | {"rate": self.learning_rate, "parts": list(self.parts)})
