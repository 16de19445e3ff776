"""What runs read of the package, and libraries that take long to load, on import: a server of forks does it once."""

from __future__ import annotations

from importlib import import_module

from gensup._compat import ensure_torchaudio
from gensup.captions.faults import fault_rows
from gensup.captions.prompts import attribute_rows, machine_rows

ROWS = (fault_rows(), machine_rows(), attribute_rows())

ensure_torchaudio()
diffusers, transformers = (import_module(name) for name in ("diffusers", "transformers"))
# Both load a class's module when it is asked for.
DIFFUSION = (diffusers.AutoencoderKL, diffusers.DDIMScheduler, diffusers.DDPMScheduler, diffusers.UNet2DConditionModel)
TEXT = (transformers.ClapModel, transformers.RobertaTokenizerFast, transformers.SpeechT5HifiGan)
