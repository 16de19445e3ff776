"""AudioLDM2 (base, large): the UNet attends to what GPT-2 makes of CLAP's and T5's words, and to T5's words again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gensup._compat import ensure_torchaudio
from gensup.captions.tokens import LIMITS, Limit
from gensup.synthesis.diffusion.family import Embedding
from gensup.synthesis.diffusion.latent import LatentDiffusion

if TYPE_CHECKING:
    from torch import Tensor

_WORDS = 64
"""T5's words are padded to a multiple of so many. Nearly every caption is then of one shape: a compiled UNet is
compiled once, and a row does not depend on how long the captions beside it are."""
_GENERATED = 8  # hidden states that GPT-2 adds, where its configuration does not say


class AudioLDM2(LatentDiffusion):
    """An embedding is ``generated``: (1, 8, size), ``text``: (1, words, size), ``mask``: (1, words) of ones.

    "" is encoded without padding, as the authors did. diffusers pads it to the caption's length, which moves GPT-2's
    last places, so that its unconditional branch hangs a little on the caption.
    """

    name: ClassVar[str] = "audioldm2"
    guidance: ClassVar[float] = 3.5
    pipeline: ClassVar[str] = "AudioLDM2Pipeline"
    parts: ClassVar = {
        # The published model_index.json says GPT2Model. That class has not been able to generate since transformers
        # 4.50; GPT2LMHeadModel has the same weights under the same names.
        "language_model": ("GPT2LMHeadModel", "GPT2Model"),
        "projection_model": ("AudioLDM2ProjectionModel",),
        "scheduler": (),
        "text_encoder": ("ClapModel",),
        "text_encoder_2": ("T5EncoderModel",),
        "tokenizer": ("RobertaTokenizerFast", "RobertaTokenizer"),
        "tokenizer_2": ("T5TokenizerFast", "T5Tokenizer"),
        "unet": ("AudioLDM2UNet2DConditionModel",),
        "vae": ("AutoencoderKL",),
        "vocoder": ("SpeechT5HifiGan",),
    }

    @property
    def limits(self) -> tuple[Limit, ...]:
        t5 = self._tokenizer("tokenizer_2")
        return (*super().limits, Limit(min(LIMITS["t5"], t5.model_max_length), t5, f"T5 of {self.name}"))

    def stack(self, embeddings: Sequence[Embedding]) -> Embedding:
        """Rows in the UNet's dtype, on its device; what is padding has a mask of 0 and is not attended to."""
        import torch
        from torch.nn.functional import pad

        words = -(-max(embedding["text"].shape[1] for embedding in embeddings) // _WORDS) * _WORDS
        rows = [
            {
                "generated": embedding["generated"],
                "text": pad(embedding["text"], (0, 0, 0, words - embedding["text"].shape[1])),
                "mask": pad(embedding["mask"], (0, words - embedding["mask"].shape[1])),
            }
            for embedding in embeddings
        ]
        dtype = getattr(torch, self.dtype)
        return {name: torch.cat([row[name] for row in rows]).to(self.device, dtype) for name in rows[0]}

    def denoise(self, latents: Tensor, timestep: Tensor, embedding: Embedding) -> Tensor:
        """In the latents' dtype, whatever the UNet's is."""
        found: Tensor = self.unet(
            self._held(latents),
            timestep,
            encoder_hidden_states=embedding["generated"],
            encoder_hidden_states_1=embedding["text"],
            encoder_attention_mask_1=embedding["mask"],
            return_dict=False,
        )[0]
        return found.to(latents.dtype)

    def _encode(self, caption: str) -> Embedding:
        chain = self._chain()
        text, mask, generated = chain.encode_prompt(
            caption,
            self.device,
            num_waveforms_per_prompt=1,
            do_classifier_free_guidance=False,
            max_new_tokens=getattr(chain.language_model.config, "max_new_tokens", None) or _GENERATED,
        )
        return {"generated": generated, "text": text, "mask": mask}

    def _chain(self) -> Any:
        """diffusers' own pipeline of the text encoders alone."""
        if "chain" not in self._models:
            ensure_torchaudio()
            import diffusers

            encoders = ("language_model", "projection_model", "text_encoder", "text_encoder_2")
            pipeline: Any = diffusers.AudioLDM2Pipeline
            self._models["chain"] = pipeline(
                **{part: self._encoder(part) for part in encoders},
                **{part: self._tokenizer(part) for part in ("tokenizer", "tokenizer_2")},
                **dict.fromkeys(("vae", "unet", "vocoder", "scheduler", "feature_extractor")),
            )
        return self._models["chain"]
