"""How a fine-tuning goes: all that decides its weights beside the clips and the checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, cast

from gensup.errors import GensupError
from gensup.training import course

if TYPE_CHECKING:
    from gensup.clip import Json

RANK = 32
RATES = {"lora": 1e-4, "full": 1e-5}
FLAGS = {"rate": "--lr"}  # where a field's name is not its option's


LONGEST_S = 120.0  # of a clip that is trained on: memory grows with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Course(course.Course):
    """What a training of a UNet is told beside what every training is; a row is a clip."""

    rank: int | None = RANK  # of the adapters on the UNet's attention; None: the whole UNet is trained
    parts: tuple[str, ...] = ("unet",)  # of the model; nothing else can be trained, see ``checked``
    rate: float | None = None  # None: of RATES
    min_snr: float | None = None
    seconds: float = 10.0  # of a clip, laid on the model's grid
    wraps: int = 4  # offsets at which each clip is encoded

    @property
    def learning_rate(self) -> float:
        return self.rate if self.rate is not None else RATES["full" if self.rank is None else "lora"]

    def named(self, field: str) -> str:
        return FLAGS.get(field, f"--{field.replace('_', '-')}")

    def checked(self, processes: int = 1) -> Course:
        """Itself; GensupError when a value makes no sense."""
        if self.rank is not None and self.rank < 1:
            raise GensupError("too few", where="--lora", value=self.rank, rule="at least 1")
        for name, number in (("--seconds", self.seconds), ("--min-snr", self.min_snr)):
            if number is not None and not (isfinite(number) and number > 0):
                raise GensupError("makes no sense", where=name, value=number, rule="above 0")
        if self.seconds > LONGEST_S:
            raise GensupError("too long", where="--seconds", value=self.seconds, rule=f"at most {LONGEST_S:g} s")
        for part in self.parts:
            if part != "unet":
                raise GensupError(
                    "cannot be trained together with cached embeddings",
                    where="parts",
                    value=part,
                    rule="captions are embedded once, before training: what makes embeddings stays as it is",
                    remedy="train the UNet",
                )
        course.Course.checked(self, processes)
        return self

    def described(self) -> dict[str, Json]:
        """For run.json."""
        lists = {"parts": list(self.parts), "keep_at": list(self.keep_at)}
        return cast("dict[str, Json]", asdict(self) | {"rate": self.learning_rate} | lists)
