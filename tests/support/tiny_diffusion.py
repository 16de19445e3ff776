"""Text-to-audio checkpoints of a few thousand random weights, on disk as the hub lays them out.

Rate, hop, mel bands and the VAE's factor are those of the published models, so that sounds have their true lengths.
What is tiny are the widths. ``channels``, ``layers``, ``scaling`` and ``halvings`` make a second size of the family.
"""

from __future__ import annotations

import json
import shutil
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn

from gensup._compat import ensure_torchaudio

ensure_torchaudio()

from diffusers import (  # noqa: E402
    AudioLDM2Pipeline,
    AudioLDM2ProjectionModel,
    AudioLDM2UNet2DConditionModel,
    AudioLDMPipeline,
    AutoencoderKL,
    DDIMScheduler,
    UNet2DConditionModel,
)
from transformers import (  # noqa: E402
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    ClapTextModelWithProjection,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    RobertaTokenizerFast,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
CARD = "---\nlicense: cc-by-nc-sa-4.0\ntags: [tests]\n---\n\nRandom weights; they know nothing.\n"
WIDTH = 16  # of all text encoders
LOUDNESS = 0.05  # rms of what random latents decode to: a published vocoder is not silent either


def save_tiny(
    folder: Path,
    family: Literal["audioldm", "audioldm2"],
    *,
    language_model: Literal["GPT2Model", "GPT2LMHeadModel"] = "GPT2Model",
    seed: int = 0,
    channels: tuple[int, ...] = (8, 8, 16),
    layers: int = 1,
    scaling: float = 0.9227914214134216,
    halvings: int = 3,
    card: bool = True,
) -> Path:
    """Make a checkpoint in ``folder`` (created), and say where it is.

    Args:
        language_model: what model_index.json names: the hub's still says GPT2Model, which has no ``generate``.
        channels: of the VAE's levels; one less than they are is how often it halves.
        layers: residual blocks of a UNet level.
        halvings: how often the UNet halves a latent.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = _common(channels, scaling) | (_audioldm if family == "audioldm" else _audioldm2)(layers, halvings)
        for part in parts.values():
            if isinstance(part, nn.Module):
                part.eval()  # dropout would make the saved and the loaded differ
        _make_audible(parts["vae"], parts["vocoder"])
    pipeline = AudioLDMPipeline(**parts) if family == "audioldm" else AudioLDM2Pipeline(**parts)
    pipeline.save_pretrained(folder, safe_serialization=True)
    if family == "audioldm2" and language_model == "GPT2Model":
        save_model(GPT2Model.from_pretrained(folder / "language_model").eval(), folder / "language_model")
    _name_as_the_hub(folder, language_model)
    if card:
        (folder / "README.md").write_text(CARD)
    return folder


def save_model(model: Any, folder: Path) -> None:
    """One component on its own, in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, safe_serialization=True)


def _name_as_the_hub(folder: Path, language_model: str) -> None:
    """Its model_index.json is of 2023: the names of that year's classes."""
    index = json.loads((folder / "model_index.json").read_text())
    then = {"tokenizer": "RobertaTokenizerFast", "tokenizer_2": "T5TokenizerFast", "language_model": language_model}
    index |= {part: ["transformers", name] for part, name in then.items() if part in index}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))


def _common(channels: tuple[int, ...], scaling: float) -> dict[str, Any]:
    levels = len(channels)
    vae = AutoencoderKL(
        in_channels=1,
        out_channels=1,
        latent_channels=8,
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=scaling,
    )
    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=64,
            sampling_rate=16_000,
            upsample_initial_channel=32,
            upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1, 3]],
            normalize_before=False,
            initializer_range=0.1,
        )
    )
    scheduler = DDIMScheduler(
        beta_start=0.0015,
        beta_end=0.0195,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return {"vae": vae, "vocoder": vocoder, "scheduler": scheduler, "tokenizer": _roberta()}


def _audioldm(layers: int, halvings: int) -> dict[str, Any]:
    tokenizer = _roberta()
    clap = ClapTextModelWithProjection(_clap(len(tokenizer)))
    unet = UNet2DConditionModel(
        **_unet(layers, halvings),
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * halvings),
        up_block_types=(*("CrossAttnUpBlock2D",) * halvings, "UpBlock2D"),
        cross_attention_dim=_widths(halvings),
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=WIDTH,
        class_embeddings_concat=True,
    )
    with torch.no_grad():
        unet.class_embedding.weight *= 4  # the caption's only way in, beside that of time
    return {"text_encoder": _lively(clap), "unet": unet}


def _audioldm2(layers: int, halvings: int) -> dict[str, Any]:
    tokenizer, tokenizer_2 = _roberta(), _t5()
    audio = ClapAudioConfig(
        spec_size=64,
        window_size=4,
        num_mel_bins=64,
        patch_size=16,
        patch_stride=16,
        patch_embeds_hidden_size=8,
        hidden_size=16,
        depths=[1, 1],
        num_attention_heads=[1, 1],
        num_hidden_layers=2,
        projection_dim=WIDTH,
        patch_embed_input_channels=1,
        enable_fusion=False,
    )
    config = ClapConfig(text_config=_clap(len(tokenizer)).to_dict(), audio_config=audio.to_dict(), projection_dim=WIDTH)
    t5 = T5Config(
        vocab_size=len(tokenizer_2), d_model=WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    gpt2 = GPT2Config(
        vocab_size=64,
        n_positions=1024,
        n_embd=WIDTH,
        n_layer=1,
        n_head=2,
        max_new_tokens=8,
        bos_token_id=0,
        eos_token_id=0,
    )
    unet = AudioLDM2UNet2DConditionModel(
        **_unet(layers, halvings),
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * halvings),
        up_block_types=(*("CrossAttnUpBlock2D",) * halvings, "UpBlock2D"),
        cross_attention_dim=[[None, WIDTH, WIDTH]] * (halvings + 1),
    )
    return {
        "text_encoder": _lively(ClapModel(config)),
        "text_encoder_2": _lively(T5EncoderModel(t5)),
        "tokenizer_2": tokenizer_2,
        "language_model": _lively(GPT2LMHeadModel(gpt2)),
        "projection_model": AudioLDM2ProjectionModel(WIDTH, WIDTH, WIDTH),
        "feature_extractor": ClapFeatureExtractor(),
        "unet": unet,
    }


def _widths(halvings: int) -> tuple[int, ...]:
    return (8,) * halvings + (16,)


def _unet(layers: int, halvings: int) -> dict[str, Any]:
    return {
        "sample_size": 128,
        "in_channels": 8,
        "out_channels": 8,
        "block_out_channels": _widths(halvings),
        "layers_per_block": layers,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    }


def _clap(vocabulary: int) -> ClapTextConfig:
    return ClapTextConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=514,
        projection_dim=WIDTH,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )


def _roberta() -> RobertaTokenizerFast:
    """Bytes, and merges learnt from the project's own prompts, so that a caption is well within 77 tokens."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learnt.train_from_iterator([path.read_text() for path in sorted(PROMPTS.glob("*.*"))], trainer)
    model = json.loads(learnt.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return RobertaTokenizerFast(vocab=model["vocab"], merges=merges, model_max_length=512)


def _t5() -> T5TokenizerFast:
    """Printable characters; the limit of 512 is far from any caption."""
    known = [(token, 0.0) for token in ("<pad>", "</s>", "<unk>")]
    characters = [("▁", -2.0), *((chr(code), -3.0) for code in range(33, 127))]
    return T5TokenizerFast(vocab=known + characters, extra_ids=0, model_max_length=512)


def _lively(model: nn.Module) -> nn.Module:
    """With weights so large that two captions differ as much as those of a trained encoder do."""
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            embedding = "embed" in name or "wte" in name or "wpe" in name or "shared" in name
            nn.init.normal_(weight, std=0.5 if embedding else 1.5 / sqrt(weight[0].numel()))
    return model


@torch.no_grad()
def _make_audible(vae: Any, vocoder: Any) -> None:
    """Scale the vocoder's last layer until random latents are as loud as a recording."""
    mel = vae.decode(torch.randn(2, 8, 64, 64 // 2 ** (len(vae.config.block_out_channels) - 1))).sample
    last = vocoder.conv_post
    last.bias -= vocoder(mel.squeeze(1)).clamp(-0.999, 0.999).atanh().mean()
    rms = vocoder(mel.squeeze(1)).square().mean().sqrt()
    last.weight *= LOUDNESS / rms
    last.bias *= LOUDNESS / rms
