"""Checkpoints of random weights: BEATs as Microsoft saves it, transformers' folders; and noise to give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gensup._compat import ensure_torchaudio
from gensup.detection.networks.beats import Beats, BeatsConfig

TINY: dict[str, Any] = {
    "input_patch_size": 16,
    "embed_dim": 16,
    "encoder_layers": 2,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4,
    "conv_pos": 16,
    "conv_pos_groups": 4,
    "relative_position_embedding": True,
    "deep_norm": True,
    "num_buckets": 320,
    "max_distance": 800,
    "gru_rel_pos": True,
    "finetuned_model": False,
    "label_smoothing": 0.1,  # a key of another program
}


def beats(path: Path, *, seed: int = 0, predictor: bool = False, **cfg: object) -> Path:
    """A .pt with cfg and model under Microsoft's names: the position bias under every layer."""
    torch.manual_seed(seed)
    said = TINY | cfg
    network = Beats(BeatsConfig.of(said, "test"))
    for name, value in network.named_parameters():
        if "grep" in name or "relative" in name or "pos_conv" in name or name.endswith("norm.weight"):
            torch.nn.init.normal_(value, 1.0 if name.endswith("norm.weight") else 0.0, 0.5)
    arrays = network.state_dict()
    bias = arrays.pop("encoder.relative_attention_bias.weight")
    model = {name.replace("pos_conv.", "pos_conv.0."): value for name, value in arrays.items()}
    for layer in range(int(said["encoder_layers"])):
        model[f"encoder.layers.{layer}.self_attn.relative_attention_bias.weight"] = bias
    if predictor:
        model |= {
            "predictor.weight": torch.zeros(5, int(said["encoder_embed_dim"])),
            "predictor.bias": torch.zeros(5),
        }
        said = said | {"finetuned_model": True, "predictor_class": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"cfg": said, "model": model}, path)
    return path


def samples_model(folder: Path, kind: str) -> Path:
    """A tiny model that hears samples: wav2vec2, hubert or wavlm."""
    transformers = _transformers()
    names = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}
    config = getattr(transformers, f"{names[kind]}Config")(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8, 8),
        conv_kernel=(40, 8),
        conv_stride=(20, 8),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    torch.manual_seed(1)
    getattr(transformers, f"{names[kind]}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    return folder


def ast(folder: Path, seconds: float) -> Path:
    """A tiny AST that hears this long at once."""
    transformers = _transformers()
    frames = round(100 * seconds)
    config = transformers.ASTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_length=frames
    )
    torch.manual_seed(2)
    transformers.ASTModel(config).save_pretrained(folder)
    transformers.ASTFeatureExtractor(max_length=frames).save_pretrained(folder)
    return folder


def clap(folder: Path) -> Path:
    """A tiny CLAP, with a text tower that nobody asks."""
    transformers = _transformers()
    audio = {
        "patch_embeds_hidden_size": 16,
        "hidden_size": 128,
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [1, 1, 2, 2],
        "projection_dim": 16,
    }
    text = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 50,
        "projection_dim": 16,
    }
    torch.manual_seed(3)
    config = transformers.ClapConfig(audio_config=audio, text_config=text, projection_dim=16)
    transformers.ClapModel(config).save_pretrained(folder)
    transformers.ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder)
    return folder


def sound(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """(1, samples)."""
    return (0.1 * np.random.default_rng(seed).standard_normal((1, round(seconds * rate)))).astype(np.float32)


def _transformers() -> Any:
    ensure_torchaudio()
    import transformers

    return transformers
