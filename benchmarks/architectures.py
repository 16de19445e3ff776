"""Text-to-audio models as large as the published ones, of random weights: speed and memory hang on shapes alone.

The UNets' sizes are those of diffusers' conversion scripts: 185.0, 416.0 and 739.1 million weights for AudioLDM s, m
and l, 346.9 million for AudioLDM2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from gensup._compat import ensure_torchaudio
from gensup.errors import GensupError
from gensup.registry import unknown

SIZES: Mapping[str, tuple[int, ...]] = {
    "audioldm-s": (128, 256, 384, 640),
    "audioldm-m": (192, 384, 576, 960),
    "audioldm-l": (256, 512, 768, 1280),
    "audioldm2": (128, 256, 384, 640),
}
"""Widths of the UNet's levels; everything else is the same for all of a family."""


@dataclass(frozen=True, slots=True)
class Size:
    """Widths of the parts; lengths and rates are the published ones in every size."""

    unet: tuple[int, ...]
    vae: tuple[int, ...] = (128, 256, 512)
    vae_layers: int = 2
    vocoder: int = 1024
    groups: int = 32
    heads: int = 8
    clap: int = 768
    clap_layers: int = 12
    joint: int = 512  # of CLAP's text and audio
    t5: int = 1024
    gpt2: int = 768


def size_of(name: str, *, tiny: bool = False) -> Size:
    """The published size, or one of a few thousand weights.

    Raises:
        GensupError: no such model.
    """
    if name not in SIZES:
        raise unknown("model", name, tuple(SIZES), where="--family")
    if not tiny:
        return Size(SIZES[name])
    return Size((8, 8, 8, 16), (8, 8, 16), 1, 32, 4, 4, clap=16, clap_layers=1, joint=16, t5=16, gpt2=16)


def save(folder: Path, name: str, *, tiny: bool = False, seed: int = 0, size: Size | None = None) -> Path:
    """A checkpoint in the hub's layout, float32: 1.6 GB for audioldm-s, 4.6 GB for audioldm2; or of another size."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = parts(name, tiny=tiny, size=size)
        for part in made.values():
            if isinstance(part, torch.nn.Module):
                part.eval()
        diffusers, _ = _libraries()
        pipeline = diffusers.AudioLDM2Pipeline if "language_model" in made else diffusers.AudioLDMPipeline
        try:
            pipeline(**made).save_pretrained(folder, safe_serialization=True)
        except OSError as error:
            remedy = "name a folder with more room (--folder)"
            raise GensupError("cannot be written", where=str(folder), value=str(error), remedy=remedy) from error
    return folder


def parts(name: str, *, tiny: bool = False, size: Size | None = None) -> dict[str, Any]:
    """The components of a pipeline, by their names in it."""
    size = size or size_of(name, tiny=tiny)
    return _common(size) | (_audioldm2(size) if name.startswith("audioldm2") else _audioldm(size))


def _libraries() -> tuple[Any, Any]:
    ensure_torchaudio()
    return import_module("diffusers"), import_module("transformers")


def _common(size: Size) -> dict[str, Any]:
    diffusers, transformers = _libraries()
    levels = len(size.vae)
    return {
        "vae": diffusers.AutoencoderKL(
            in_channels=1,
            out_channels=1,
            latent_channels=8,
            block_out_channels=size.vae,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=size.vae_layers,
            norm_num_groups=size.groups,
            scaling_factor=0.9227914214134216,
        ),
        "vocoder": transformers.SpeechT5HifiGan(
            transformers.SpeechT5HifiGanConfig(
                model_in_dim=64,
                sampling_rate=16_000,
                upsample_initial_channel=size.vocoder,
                upsample_rates=[5, 4, 2, 2, 2],
                upsample_kernel_sizes=[16, 16, 8, 4, 4],
                normalize_before=False,
            )
        ),
        "scheduler": diffusers.DDIMScheduler(
            beta_start=0.0015,
            beta_end=0.0195,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        "tokenizer": _bytes(),
    }


def _unet(size: Size) -> dict[str, Any]:
    halvings = len(size.unet) - 1
    return {
        "sample_size": 128,
        "in_channels": 8,
        "out_channels": 8,
        "block_out_channels": size.unet,
        "layers_per_block": 2,
        "attention_head_dim": size.heads,  # of each level, whatever the name says
        "norm_num_groups": size.groups,
        "down_block_types": ("DownBlock2D", *("CrossAttnDownBlock2D",) * halvings),
        "up_block_types": (*("CrossAttnUpBlock2D",) * halvings, "UpBlock2D"),
    }


def _audioldm(size: Size) -> dict[str, Any]:
    diffusers, transformers = _libraries()
    return {
        "text_encoder": transformers.ClapTextModelWithProjection(_clap(size)),
        "unet": diffusers.UNet2DConditionModel(
            **_unet(size),
            cross_attention_dim=size.unet,
            class_embed_type="simple_projection",
            projection_class_embeddings_input_dim=size.joint,
            class_embeddings_concat=True,
        ),
    }


def _audioldm2(size: Size) -> dict[str, Any]:
    diffusers, transformers = _libraries()
    tiny = size.clap == size.joint
    t5_config: dict[str, Any] = {"d_model": size.t5, "d_kv": 64, "d_ff": 2816, "num_layers": 24, "num_heads": 16}
    if tiny:
        t5_config = {"d_model": size.t5, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    shape = {"hidden_size": 16, "depths": [1, 1], "num_attention_heads": [1, 1], "patch_embeds_hidden_size": 8}
    audio = transformers.ClapAudioConfig(projection_dim=size.joint, **(shape if tiny else {}))
    config = transformers.ClapConfig(
        text_config=_clap(size).to_dict(), audio_config=audio.to_dict(), projection_dim=size.joint
    )
    layers = {"n_layer": 1, "n_head": 2} if tiny else {}
    gpt2 = transformers.GPT2Config(n_embd=size.gpt2, max_new_tokens=8, **layers)
    t5 = transformers.T5Config(feed_forward_proj="gated-gelu", **t5_config)
    return {
        "text_encoder": transformers.ClapModel(config),
        "text_encoder_2": transformers.T5EncoderModel(t5),
        "tokenizer_2": _characters(),
        "language_model": transformers.GPT2LMHeadModel(gpt2),
        "projection_model": diffusers.AudioLDM2ProjectionModel(size.joint, size.t5, size.gpt2),
        "feature_extractor": transformers.ClapFeatureExtractor(),
        "unet": diffusers.AudioLDM2UNet2DConditionModel(
            **_unet(size), cross_attention_dim=[[None, size.gpt2, size.t5]] * len(size.unet)
        ),
    }


def _clap(size: Size) -> Any:
    _, transformers = _libraries()
    heads = max(1, size.clap // 64)
    return transformers.ClapTextConfig(
        hidden_size=size.clap,
        intermediate_size=4 * size.clap,
        num_hidden_layers=size.clap_layers,
        num_attention_heads=heads,
        projection_dim=size.joint,
    )


def _bytes() -> Any:
    """RoBERTa's tokenizer without merges: a token a byte."""
    from tokenizers import pre_tokenizers

    _, transformers = _libraries()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    known = {token: place for place, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    return transformers.RobertaTokenizerFast(vocab=known, merges=[], model_max_length=512)


def _characters() -> Any:
    """T5's tokenizer that knows printable characters."""
    _, transformers = _libraries()
    known = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return transformers.T5TokenizerFast(
        vocab=known + [(chr(code), -3.0) for code in range(33, 127)], extra_ids=0, model_max_length=512
    )
