"""BEATs (Chen et al., ICML 2023): patches of a Kaldi filter bank through a transformer with gated relative positions.

Written from the published architecture; weights have Microsoft's names, with two exceptions: the position bias, which
all layers share, stands once (``encoder.relative_attention_bias``), and there is no classifier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from gensup._compat import ensure_torchaudio
from gensup.clip import Json
from gensup.errors import GensupError

RATE = 16_000  # Hz
FBANK_MEAN, FBANK_STD = 15.41663, 6.55582
MELS = 128
FRAME, HOP = 400, 160  # samples


@dataclass(frozen=True, slots=True)
class BeatsConfig:
    """What a checkpoint's ``cfg`` says of the network. A key that it lacks has the value of Microsoft's class."""

    input_patch_size: int = -1
    embed_dim: int = 512
    conv_bias: bool = False
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    activation_fn: str = "gelu"
    layer_norm_first: bool = False
    deep_norm: bool = False
    conv_pos: int = 128
    conv_pos_groups: int = 16
    relative_position_embedding: bool = False
    num_buckets: int = 320
    max_distance: int = 1280
    gru_rel_pos: bool = False
    # Of training alone.
    layer_wise_gradient_decay_ratio: float = 1.0
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation_dropout: float = 0.0
    encoder_layerdrop: float = 0.0
    dropout_input: float = 0.0

    @classmethod
    def of(cls, cfg: Mapping[str, Json], where: str) -> Self:
        """The configuration in a checkpoint's ``cfg``; what else stands there is of other programs.

        Raises:
            GensupError: a value of another type, or another architecture.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            if field.name not in cfg:
                continue
            value, kind = cfg[field.name], type(field.default)
            if kind is float and type(value) is int:
                value = float(value)
            if type(value) is not kind:
                raise GensupError(
                    "not a value for this", where=f"{where}: {field.name}", value=value, rule=f"{kind.__name__}"
                )
            values[field.name] = value
        config = cls(**values)
        wanted: dict[str, Json] = {
            "activation_fn": "gelu",
            "layer_norm_first": False,
            "relative_position_embedding": True,
            "gru_rel_pos": True,
        }
        for name, only in wanted.items():
            if getattr(config, name) != only:
                raise _other(f"{where}: {name}", getattr(config, name), f"a BEATs encoder has {name} {only}")
        sizes = ("input_patch_size", "embed_dim", "encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim")
        for name in (*sizes, "encoder_attention_heads", "conv_pos", "conv_pos_groups"):
            if getattr(config, name) < 1:
                raise _other(f"{where}: {name}", getattr(config, name), "1 or more")
        rules = {
            "encoder_attention_heads": (
                config.encoder_embed_dim % config.encoder_attention_heads == 0,
                "it divides encoder_embed_dim",
            ),
            "conv_pos_groups": (config.encoder_embed_dim % config.conv_pos_groups == 0, "it divides encoder_embed_dim"),
            "input_patch_size": (MELS % config.input_patch_size == 0, f"it divides {MELS} bands"),
            "num_buckets": (config.num_buckets >= 4, "4 or more"),
            "max_distance": (config.max_distance > config.num_buckets // 4, "more than num_buckets / 4"),
        }
        for name, (kept, rule) in rules.items():
            if not kept:
                raise _other(f"{where}: {name}", getattr(config, name), rule)
        return config

    def described(self) -> dict[str, Json]:
        """As JSON."""
        return asdict(self)


class Beats(nn.Module):
    """Filter banks (batch, frames, 128) to tokens of any layers."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        self.config = config
        patch, width = config.input_patch_size, config.encoder_embed_dim
        self.patch_embedding = nn.Conv2d(1, config.embed_dim, kernel_size=patch, stride=patch, bias=config.conv_bias)
        self.layer_norm = nn.LayerNorm(config.embed_dim)
        self.post_extract_proj = nn.Linear(config.embed_dim, width) if config.embed_dim != width else None
        self.dropout_input = nn.Dropout(config.dropout_input)
        self.encoder = Encoder(config)

    @property
    def mel_patches(self) -> int:
        return MELS // self.config.input_patch_size

    def freeze(self) -> Self:
        """For inference alone: no dropout, no gradients; what depends on weights only is computed once.

        Before the weights are moved or cast: what is computed here goes with them.
        """
        self.eval().requires_grad_(False)
        self.encoder.frozen = True
        self.encoder.pos_conv.fold()
        return self

    def forward(self, fbank: Tensor, layers: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """Tokens of each of ``layers`` (None: the last), (batch, time * mel patches, width), time-major.

        Layer 0 is what the first layer is given. No layer behind the last one asked for is computed.

        Args:
            fbank: (batch, frames, 128), of ``fbank``; frames that fill no patch are dropped.
        """
        wanted = (self.config.encoder_layers,) if layers is None else tuple(layers)
        x: Tensor = self.patch_embedding(fbank[:, None]).flatten(2).transpose(1, 2)
        x = self.layer_norm(x)
        if self.post_extract_proj is not None:
            x = self.post_extract_proj(x)
        found: dict[int, Tensor] = self.encoder(self.dropout_input(x), wanted)
        return tuple(found[layer] for layer in wanted)


class Encoder(nn.Module):
    """Convolved positions and the layers."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        self.config = config
        self.pos_conv = PositionConv(config.encoder_embed_dim, config.conv_pos, config.conv_pos_groups)
        self.layer_norm = nn.LayerNorm(config.encoder_embed_dim)
        self.relative_attention_bias = nn.Embedding(config.num_buckets, config.encoder_attention_heads)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.encoder_layers))
        self.frozen = False
        self._last: tuple[int, Tensor] | None = None  # the bias of the last length: clips of a set are equally long

    def forward(self, x: Tensor, wanted: Sequence[int]) -> dict[int, Tensor]:
        """The tokens (batch, tokens, width) after each wanted layer."""
        config = self.config
        x = self.layer_norm(x + self.pos_conv(x))
        x = functional.dropout(x, config.dropout, self.training)
        found = {0: x}
        bias = self._bias(x.shape[1])
        for number, layer in enumerate(self.layers[: max(wanted)], start=1):
            if config.layer_wise_gradient_decay_ratio != 1 and x.requires_grad:
                x.register_hook(_scaled_by(config.layer_wise_gradient_decay_ratio))  # type: ignore[no-untyped-call]
            dropped = (
                self.training and config.encoder_layerdrop > 0 and float(torch.rand(())) < config.encoder_layerdrop
            )
            if not dropped:
                x = layer(x, bias)
            if number in wanted:
                found[number] = x
        return found

    def _bias(self, count: int) -> Tensor:
        """(heads, tokens, tokens): what a head adds for a key so far from its query, before any gate."""
        last = self._last  # once: another thread may hear a clip of another length meanwhile
        if last is not None and last[0] == count:
            return last[1]
        apart = torch.arange(1 - count, count, device=self.relative_attention_bias.weight.device)
        by_distance = self.relative_attention_bias(buckets(apart, self.config.num_buckets, self.config.max_distance)).T
        # Row i is the window of distances that begins at -i.
        bias: Tensor = by_distance.unfold(1, count, 1).flip(1)
        if self.frozen:
            self._last = count, bias
        return bias


class Layer(nn.Module):
    """Attention and two linear maps, each normalised after its (deep-norm) residual."""

    def __init__(self, config: BeatsConfig) -> None:
        super().__init__()
        width = config.encoder_embed_dim
        self.self_attn = Attention(width, config.encoder_attention_heads, config.attention_dropout)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, width)
        self.final_layer_norm = nn.LayerNorm(width)
        self.alpha = (2 * config.encoder_layers) ** 0.25 if config.deep_norm else 1.0
        self.dropout, self.activation_dropout = config.dropout, config.activation_dropout

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        heard = functional.dropout(self.self_attn(x, bias), self.dropout, self.training)
        x = self.self_attn_layer_norm(torch.add(heard, x, alpha=self.alpha))
        inner = functional.dropout(functional.gelu(self.fc1(x)), self.activation_dropout, self.training)
        inner = functional.dropout(self.fc2(inner), self.dropout, self.training)
        y: Tensor = self.final_layer_norm(torch.add(inner, x, alpha=self.alpha))
        return y


class Attention(nn.Module):
    """Heads whose bias by distance is scaled by a gate that the query opens (WavLM's gated relative positions)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // heads, 8)
        self.grep_a = nn.Parameter(torch.ones(1, heads, 1, 1))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (self._split(project(x)) for project in (self.q_proj, self.k_proj, self.v_proj))
        first, second = self.grep_linear(query).unflatten(-1, (2, 4)).sum(-1).sigmoid().split(1, dim=-1)
        gate = first * (second * self.grep_a - 1) + 2  # (batch, heads, tokens, 1)
        heard = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=gate * bias, dropout_p=self.dropout if self.training else 0.0
        )
        y: Tensor = self.out_proj(heard.transpose(1, 2).flatten(2))
        return y

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class PositionConv(nn.Module):
    """A grouped convolution over the tokens, with weights of one direction and one length a tap (weight norm)."""

    _folded: Tensor | None

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.groups, self.kernel = groups, kernel
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(width, width // groups, kernel))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.normal_(self.weight_v, std=math.sqrt(4 / (kernel * width)))
        self.register_buffer("_folded", None, persistent=False)  # moves and is cast with the rest
        self._spectrum: Tensor | None = None

    def fold(self) -> None:
        """Compute the weight now and for good."""
        self._folded = self._weight()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width)."""
        if self._folded is not None and x.device.type == "cpu" and x.dtype == torch.float32:
            y = self._by_spectra(x.transpose(1, 2))
        else:
            weight = self._weight() if self._folded is None else self._folded
            y = functional.conv1d(x.transpose(1, 2), weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return functional.gelu(y[:, :, : x.shape[1]]).transpose(1, 2)  # an even kernel makes one token too many

    def _weight(self) -> Tensor:
        weight: Tensor = self.weight_v * (
            self.weight_g / torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True)
        )
        return weight

    def _by_spectra(self, x: Tensor) -> Tensor:
        """The same of (batch, width, tokens) by overlapping blocks in frequency: on CPUs eight times as fast."""
        size = 2 * self.kernel
        step = size - self.kernel + 1
        if self._spectrum is None:
            assert self._folded is not None
            by_group = self._folded.unflatten(0, (self.groups, -1))  # type: ignore[no-untyped-call]
            self._spectrum = torch.fft.rfft(by_group, n=size).conj().permute(0, 3, 1, 2).contiguous()
        batch, width, count = x.shape
        blocks = -(-count // step)
        edge = self.kernel // 2
        padded = functional.pad(x, (edge, blocks * step + self.kernel - 1 - count - edge))
        spectra = torch.fft.rfft(padded.unfold(2, size, step))  # (batch, width, blocks, frequencies)
        spectra = spectra.view(batch, self.groups, -1, blocks, size // 2 + 1).permute(0, 1, 4, 2, 3)
        out = torch.matmul(self._spectrum, spectra).permute(0, 1, 3, 4, 2)
        y: Tensor = torch.fft.irfft(out, n=size)[..., :step].reshape(batch, width, -1)[..., :count]
        return y + self.bias[:, None]


def from_checkpoint(arrays: Mapping[str, Tensor], said: Mapping[str, Json], where: str) -> Beats:
    """The network of a converted checkpoint: its arrays, and the description with its ``cfg``.

    Raises:
        GensupError: arrays or a configuration of another architecture.
    """
    cfg = said.get("cfg")
    if not isinstance(cfg, dict):
        raise _other(where, type(cfg).__name__, "a description with cfg")
    with torch.device("meta"):  # shapes alone: initial values would be thrown away
        network = Beats(BeatsConfig.of(cfg, where))
    expected = {name: tuple(array.shape) for name, array in network.state_dict().items()}
    found = {name: tuple(array.shape) for name, array in arrays.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        name = wrong[0]
        raise _other(where, f"{name} {found.get(name, 'missing')}", f"{expected.get(name, 'no such array')}")
    network.load_state_dict(dict(arrays), assign=True)
    return network


def frames(samples: int) -> int:
    """Frames of 25 ms every 10 ms in a clip at ``RATE``: those that lie wholly inside it."""
    return 0 if samples < FRAME else 1 + (samples - FRAME) // HOP


def fbank(samples: Tensor) -> Tensor:
    """(frames, 128) normalised log-mel energies of ``samples`` (samples,) at ``RATE``, full scale 1: what BEATs hears.

    Kaldi's, in the words of torchaudio: another float32 arithmetic differs by 5e-5 where a band is quiet.
    """
    ensure_torchaudio()
    from torchaudio.compliance import kaldi

    bank = kaldi.fbank(samples[None] * 2**15, num_mel_bins=MELS, sample_frequency=RATE, frame_length=25, frame_shift=10)
    return torch.as_tensor((bank - FBANK_MEAN) / (2 * FBANK_STD))


def fbanks(samples: Tensor) -> Tensor:
    """(B, frames, 128) of clips (B, samples) at ``RATE``: ``fbank`` of each, all at once, on their device.

    A frame does not depend on its neighbours, so the frames of all clips stand in a row, as if they did not overlap.
    """
    ensure_torchaudio()
    from torchaudio.compliance import kaldi

    rows = samples.unfold(1, FRAME, HOP) * 2**15
    flat = rows.reshape(1, -1)
    bank = kaldi.fbank(flat, num_mel_bins=MELS, sample_frequency=RATE, frame_length=25, frame_shift=25)
    return torch.as_tensor((bank - FBANK_MEAN) / (2 * FBANK_STD)).reshape(len(samples), -1, MELS)


def buckets(apart: Tensor, count: int, max_distance: int) -> Tensor:
    """The bucket of each signed distance (key - query): one each when near, wider with the logarithm when far."""
    half, exact = count // 2, count // 4
    distance = apart.abs()
    far = exact + (torch.log(distance.float() / exact) / math.log(max_distance / exact) * (half - exact)).long()
    near = torch.where(distance < exact, distance, far.clamp(max=half - 1))
    return (apart > 0) * half + near


def _scaled_by(ratio: float) -> Any:
    return lambda gradient: gradient * ratio


def _other(where: str, value: object, rule: str) -> GensupError:
    return GensupError("a checkpoint of another architecture", where=where, value=value, rule=rule)
