"""AudioLDM (s, m, l): the UNet is told of a caption by CLAP's text embedding, as it is told of the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from gensup.synthesis.diffusion.family import Embedding
from gensup.synthesis.diffusion.latent import LatentDiffusion

if TYPE_CHECKING:
    from torch import Tensor


class AudioLDM(LatentDiffusion):
    """An embedding is ``text``: (1, size), of length 1."""

    name: ClassVar[str] = "audioldm"
    guidance: ClassVar[float] = 2.5
    pipeline: ClassVar[str] = "AudioLDMPipeline"
    parts: ClassVar = {
        "scheduler": (),
        "text_encoder": ("ClapTextModelWithProjection",),
        "tokenizer": ("RobertaTokenizerFast", "RobertaTokenizer"),
        "unet": ("UNet2DConditionModel",),
        "vae": ("AutoencoderKL",),
        "vocoder": ("SpeechT5HifiGan",),
    }

    def stack(self, embeddings: Sequence[Embedding]) -> Embedding:
        """``text``: (rows, size) in the UNet's dtype, on its device. All are of one length."""
        import torch

        rows = torch.cat([embedding["text"] for embedding in embeddings])
        return {"text": rows.to(self.device, getattr(torch, self.dtype))}

    def denoise(self, latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
        """In the latents' dtype, whatever the UNet's is."""
        found: Tensor = self.unet(
            self._held(latents),
            timestep,
            encoder_hidden_states=None,
            class_labels=embedding["text"],
            return_dict=False,
        )[0]
        return found.to(latents.dtype)

    def _encode(self, caption: str) -> Embedding:
        import torch

        tokens = self._tokenizer("tokenizer")(caption, return_tensors="pt").to(self.device)
        found = self._encoder("text_encoder")(tokens["input_ids"], attention_mask=tokens["attention_mask"])
        return {"text": torch.nn.functional.normalize(found.text_embeds, dim=-1)}
