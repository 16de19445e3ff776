"""What is asked of a text-to-audio generator: all of it decides the clips' bytes, but for where they are made."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Literal, cast, get_args

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.synthesis.diffusion.guidance import checked_guidance
from gensup.synthesis.diffusion.schedules import Schedule

Twins = Literal["seed", "transfer"]
Dtype = Literal["float32", "bfloat16", "float16"]

_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:\d+)?")
_ELSEWHERE = ("device", "offline")  # where a clip is made, not what it is; the revision says the kind of device


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """How twins come of a checkpoint.

    ``twins="seed"``: both clips from one initial noise. ``"transfer"``: both from the latent of a real normal clip,
    noised to ``strength`` (how far they leave the clip; no severity): 0 is the codec alone, 1 all steps.
    """

    model: str  # a folder, or a hub id
    revision: str | None = None  # of a hub id: a commit, tag or branch
    twins: Twins = "transfer"
    strength: float = 0.5
    steps: int = 20
    scheduler: str = "dpm++"
    guidance: float | None = None  # towards the normal caption, away from ""; None: the family's own
    window: tuple[float, float] | None = None  # seconds that transfer may change; None: the whole clip
    negative: bool = False  # the plain variant: the normal caption as the anomaly's negative prompt
    rows: int = 8  # clips a UNet call; on a CPU it is always one, for more are no faster there
    dtype: Dtype = "float32"
    device: str | None = None  # None: cuda where there is one, else cpu
    compile: bool = False
    truncate: bool = False  # captions over a token limit lose their end instead of being refused
    offline: bool = False

    @property
    def schedule(self) -> Schedule:
        """The scheduler and its count of steps, unchecked."""
        return Schedule(self.scheduler, self.steps)

    def checked(self) -> Diffusion:
        """Itself in its plain form: equal clips have equal settings.

        Raises:
            GensupError: a value that makes no sense.
        """
        if not self.model:
            raise GensupError("no model is named", where="--model", remedy="name a checkpoint's folder, or a hub id")
        if self.twins not in get_args(Twins):
            raise unknown("way to make twins", self.twins, get_args(Twins), where="--twins")
        if self.dtype not in get_args(Dtype):
            raise unknown("dtype", self.dtype, get_args(Dtype), where="--dtype")
        if self.twins == "transfer":
            self.schedule.taken(self.strength)
        else:
            self.schedule.checked()
        if self.guidance is not None:
            checked_guidance(self.guidance)
        if self.rows < 1:
            raise GensupError("too few clips a batch", where="--rows", value=self.rows, rule="at least 1")
        if self.device is not None and not _DEVICE.fullmatch(self.device):
            raise GensupError("no such device", where="--device", value=self.device, rule="cpu, cuda, cuda:0, …")
        return replace(
            self,
            strength=float(self.strength) if self.twins == "transfer" else 1.0,
            guidance=None if self.guidance is None else float(self.guidance),
            window=self._window(),
        )

    def described(self) -> dict[str, Json]:
        """For run.json: what decides the bytes, by name."""
        said = asdict(self)
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}
        return cast("dict[str, Json]", {key: value for key, value in plain.items() if key not in _ELSEWHERE})

    def _window(self) -> tuple[float, float] | None:
        if self.window is None:
            return None
        start, end = (float(second) for second in self.window)
        if self.twins != "transfer":
            raise GensupError(
                "a window without a recording",
                where="--window",
                value=f"{start:g},{end:g}",
                rule="what lies outside it is kept as recorded",
                remedy="leave it out, or --twins transfer",
            )
        if not (isfinite(end) and 0 <= start < end):
            raise GensupError(
                "no window", where="--window", value=f"{start:g},{end:g}", rule="START,END in seconds, END after START"
            )
        return start, end


def check_window(window: tuple[float, float], seconds: float) -> None:
    """Refuse a window that holds nothing of a clip of ``seconds``; its end may lie beyond the clip's."""
    start, end = window
    if start >= seconds:
        value, rule = f"{start:g},{end:g}", f"it begins within the clip's {seconds:g} s"
        raise GensupError(
            "a window outside the clip", where="--window", value=value, rule=rule, remedy="name an earlier START"
        )
