"""What AudioLDM and AudioLDM2 have in common: VAE, vocoder, scheduler, and how a part comes from its folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gensup._compat import ensure_torchaudio
from gensup.captions.tokens import LIMITS, Limit, checked
from gensup.errors import GensupError
from gensup.synthesis.diffusion.checkpoint import Checkpoint, read_config
from gensup.synthesis.diffusion.family import Embedding, Posterior
from gensup.synthesis.diffusion.grid import Grid

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gensup.clip import Json

DTYPES = ("float32", "bfloat16", "float16")


class LatentDiffusion(ABC):
    """A checkpoint whose UNet denoises the latents of a mel spectrogram's VAE, and whose vocoder makes sound of them.

    UNet, VAE and vocoder are held in the dtype asked for. Encoders of text are always float32: they run once for each
    distinct caption, so nothing is gained by less; half of float16's range is not enough for T5, and what is said of a
    caption is then the same for all dtypes and may be kept on disk.
    """

    name: ClassVar[str]
    pipeline: ClassVar[str]  # what model_index.json calls it
    parts: ClassVar[Mapping[str, tuple[str, ...]]]  # what is read, and the classes each may be; the first is loaded

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str, channels_last: bool) -> None:
        self.checkpoint, self.device, self.dtype, self.channels_last = checkpoint, device, dtype, channels_last
        self._configs = {
            part: read_config(checkpoint.folder / part / "config.json") for part in ("vae", "vocoder", "unet")
        }
        self._scheduler = read_config(checkpoint.folder / "scheduler" / "scheduler_config.json")
        self._grid = self._read_grid()
        self._models: dict[str, Any] = {}
        self._tokenizers: dict[str, Any] = {}

    @classmethod
    def open(
        cls, checkpoint: Checkpoint, device: str = "cpu", dtype: str = "float32", channels_last: bool | None = None
    ) -> Self:
        """Read the configurations; no weight is loaded yet.

        Args:
            channels_last: lay images out with their channels last, which a GPU's convolutions in half precision
                want; None does so there.

        Raises:
            GensupError: another family's checkpoint, an unknown dtype or device, configurations that disagree.
        """
        if checkpoint.family != cls.name:
            rule = cls.name
            raise GensupError(
                "a checkpoint of another family", where=checkpoint.name, value=checkpoint.family, rule=rule
            )
        if dtype not in DTYPES:
            raise GensupError("unknown dtype", where="dtype", value=dtype, rule=" or ".join(DTYPES))
        kind = _device_type(device)
        if channels_last is None:
            channels_last = kind == "cuda" and dtype != "float32"
        return cls(checkpoint, device, dtype, channels_last)

    @property
    def grid(self) -> Grid:
        return self._grid

    @property
    def scheduler_config(self) -> Mapping[str, object]:
        return self._scheduler

    @property
    def limits(self) -> tuple[Limit, ...]:
        """77 tokens for CLAP, whose tokenizer says 512; less where the checkpoint itself says so."""
        clap = self._tokenizer("tokenizer")
        return (Limit(min(LIMITS["clap"], clap.model_max_length), clap, f"CLAP's text encoder of {self.name}"),)

    @property
    def unet(self) -> nn.Module:
        """With its adapters, if there are any, merged into its weights."""
        if "unet" not in self._models:
            adapters = self.checkpoint.adapters
            model = self._loaded("unet", self.dtype if adapters is None else "float32")
            if adapters is not None:
                from gensup.synthesis.diffusion.lora import load_adapter

                load_adapter(model, adapters)
            self._models["unet"] = self._placed(model)
        unet: nn.Module = self._models["unet"]
        return unet

    def encode_text(self, captions: Sequence[str]) -> tuple[Embedding, ...]:
        """Float32 on the CPU, each caption alone and without padding.

        Raises:
            GensupError: a caption is over a limit: its end would be lost without a word.
        """
        import torch

        checked(captions, self.limits)
        with torch.no_grad():
            return tuple(
                {name: tensor.cpu().contiguous() for name, tensor in self._encode(caption).items()}
                for caption in captions
            )

    def unload_encoders(self) -> None:
        """Let go of what only text needs; a later ``encode_text`` loads it again."""
        import torch

        for part in set(self._models) - {"unet", "vae", "vocoder"}:
            del self._models[part]
        if _device_type(self.device) == "cuda":
            torch.cuda.empty_cache()

    def encode_audio(self, mel: Tensor) -> Posterior:
        """Of log-mel spectrograms (rows, 1, frames, bands): float32, not scaled."""
        import torch

        vae = self._model("vae")
        with torch.no_grad():
            found = vae.encode(mel.to(self.device, vae.dtype)).latent_dist
        return Posterior(found.mean.float(), found.logvar.float())

    def decode(self, latents: Tensor) -> Tensor:
        """(rows, samples) float32 on the device, ``hop`` samples for each mel frame, of scaled latents.

        The published vocoder's first layer makes a sample more than its rate says, so that its sound is 32 samples
        longer at the end than its frames; that is cut. A vocoder that makes fewer is filled up with zeros.
        """
        import torch

        vae, vocoder = self._model("vae"), self._model("vocoder")
        samples = latents.shape[-2] * self.grid.factor * self.grid.hop
        with torch.no_grad():
            mel = vae.decode((latents / self.grid.scaling).to(self.device, vae.dtype)).sample
            sound = vocoder(mel.squeeze(1)).float()[:, :samples]
            return torch.nn.functional.pad(sound, (0, samples - sound.shape[1]))

    def _held(self, latents: Tensor) -> Tensor:
        """As the UNet is held: its dtype, its device."""
        import torch

        return latents.to(self.device, getattr(torch, self.dtype))

    @abstractmethod
    def _encode(self, caption: str) -> Embedding:
        """Of one caption, on the device."""

    def _read_grid(self) -> Grid:
        vae, vocoder, unet = (_Config(self.checkpoint.folder / part, self._configs[part]) for part in self._configs)
        factor = 2 ** (len(vae.list("block_out_channels")) - 1)
        grid = Grid(
            rate=int(vocoder.number("sampling_rate")),
            hop=prod(vocoder.list("upsample_rates")),
            n_mels=int(vocoder.number("model_in_dim")),
            factor=factor,
            stride=2 ** (len(unet.list("block_out_channels")) - 1),
            channels=int(unet.number("in_channels")),
            scaling=vae.number("scaling_factor"),
        )
        if vae.number("latent_channels") != grid.channels or grid.n_mels % factor or vae.number("in_channels") != 1:
            raise GensupError(
                "its parts do not fit each other",
                where=str(self.checkpoint.folder),
                value=f"VAE: {self._configs['vae'].get('latent_channels')} channels, factor {factor}; {grid}",
                rule="latent channels as the UNet takes, bands that the VAE's factor divides, one channel of input",
            )
        return grid

    def _model(self, part: str) -> Any:
        """VAE or vocoder, in the dtype asked for."""
        if part not in self._models:
            self._models[part] = self._placed(self._loaded(part, self.dtype))
        return self._models[part]

    def _encoder(self, part: str) -> Any:
        if part not in self._models:
            self._models[part] = self._loaded(part, "float32").to(self.device)
        return self._models[part]

    def _placed(self, model: Any) -> Any:
        import torch

        # Not model.to: that of diffusers warns of modules to be kept in float32, of which there are none here.
        model = torch.nn.Module.to(model, torch.device(self.device), getattr(torch, self.dtype))
        return model.to(memory_format=torch.channels_last) if self.channels_last else model

    def _loaded(self, part: str, dtype: str) -> Any:
        """A model of its class, in evaluation mode, whose weights want no gradients.

        Raises:
            GensupError: weights are missing or have other shapes: the libraries would fill them with random numbers.
        """
        import torch

        folder = self.checkpoint.folder / part
        try:
            with _without_progress():
                model, report = self._class(part).from_pretrained(
                    folder,
                    use_safetensors=True,
                    local_files_only=True,
                    output_loading_info=True,
                    dtype=getattr(torch, dtype),
                )
        except torch.OutOfMemoryError:
            raise
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            value = f"{type(error).__name__}: {str(error)[:300]}"
            raise GensupError("cannot be loaded", where=str(folder), value=value, remedy=_AGAIN) from error
        if wrong := sorted(_made_up(model, report["missing_keys"]) + [str(key) for key in report["mismatched_keys"]]):
            value = f"{len(wrong)}, first {wrong[0]}"
            raise GensupError("weights are missing", where=str(folder), value=value, remedy=_AGAIN)
        return model.eval().requires_grad_(False)

    def _class(self, part: str) -> Any:
        """The class that the family knows, whatever older name the checkpoint calls it by."""
        ensure_torchaudio()
        import diffusers
        import transformers

        name = self.parts[part][0]
        return getattr(diffusers, name, None) or getattr(transformers, name)

    def _tokenizer(self, part: str) -> Any:
        """One that keeps spaces: some versions of transformers lost the part that does, without a word."""
        if part not in self._tokenizers:
            folder = self.checkpoint.folder / part
            try:
                found = self._class(part).from_pretrained(folder, local_files_only=True)
                text = found.decode(found("a b")["input_ids"], skip_special_tokens=True)
            except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
                value = f"{type(error).__name__}: {str(error)[:300]}"
                raise GensupError("cannot be loaded", where=str(folder), value=value, remedy=_AGAIN) from error
            if text.strip() != "a b":
                raise GensupError(
                    "the tokenizer drops spaces",
                    where=str(folder),
                    value=text,
                    rule="'a b' stays 'a b'",
                    remedy="pip install 'transformers>=5.18'; if it is that, fetch the tokenizer again",
                )
            self._tokenizers[part] = found
        return self._tokenizers[part]


_AGAIN = "fetch the checkpoint again; gensup doctor says what it lacks"


class _Config:
    """A configuration whose numbers are there and positive."""

    def __init__(self, folder: Path, row: Mapping[str, Json]) -> None:
        self._where, self._row = f"{folder}/config.json", row

    def number(self, key: str) -> float:
        value = self._row.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise GensupError("no number above 0", where=f"{self._where} ({key})", value=str(value), remedy=_AGAIN)
        return value

    def list(self, key: str) -> list[int]:
        value = self._row.get(key)
        whole = [side for side in value if isinstance(side, int) and side > 0] if isinstance(value, list) else []
        if not whole or len(whole) != len(value or ()):  # type: ignore[arg-type]
            raise GensupError("no whole numbers", where=f"{self._where} ({key})", value=str(value), remedy=_AGAIN)
        return whole


def _device_type(device: str) -> str:
    import torch

    try:
        kind = torch.device(device).type
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # a name that is none; a device that is not here
        value, rule = device, str(error).partition("\n")[0]
        raise GensupError(
            "no such device", where="device", value=value, rule=rule, remedy="cpu is always there"
        ) from None
    return kind


def _made_up(model: nn.Module, missing: Iterable[str]) -> list[str]:
    """Those of the missing weights that are not another one by another name (T5's words, GPT-2's last layer)."""
    state = model.state_dict(keep_vars=True)
    there = {id(weight) for key, weight in state.items() if key not in set(missing)}
    return [key for key in missing if key not in state or id(state[key]) not in there]


@contextmanager
def _without_progress() -> Iterator[None]:
    """transformers draws a bar for every part that it loads."""
    import transformers

    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
