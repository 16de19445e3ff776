"""BEATs on ten-second clips beside speechbrain's own call: seconds a clip in one run, turn by turn, and whether equal.

    python -m benchmarks.embeddings [--threads N] [--rounds N] [--layers N] [--out FILE]

Weights are random, of the published size (90 M). On a GPU batches, TF32 left as it is, and bf16 are measured, too.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from gensup._compat import ensure_torchaudio
from gensup.detection.conversion import convert
from gensup.detection.embedding import Embedding
from gensup.detection.frontends.beats import Beats
from gensup.detection.means import Means
from gensup.store.files import write_text

RATE, SECONDS = 16_000, 10
CFG = {
    "input_patch_size": 16,
    "deep_norm": True,
    "relative_position_embedding": True,
    "gru_rel_pos": True,
    "num_buckets": 320,
    "max_distance": 800,
}


class Row(NamedTuple):
    what: str
    device: str
    batch: int
    seconds: float  # a clip
    ratio: float  # of speechbrain's seconds a clip, at the same batch, to these
    apart: float  # largest difference of a token from speechbrain's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="as a worker has (1)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=12, help="of the network")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    ensure_torchaudio()
    import torch

    torch.set_num_threads(args.threads)
    rows = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "random.pt"
        torch.save(_checkpoint(args.layers), path)
        convert(path, Path(folder), trust=True, licence="none")
        rows += _measured(path, "cpu", (1, 4), args)
        if torch.cuda.is_available():
            rows += _measured(path, "cuda", (1, 16, 64), args)
    text = _table(
        rows, f"{platform.machine()}, {args.threads} threads, torch {torch.__version__}, {args.layers} layers"
    )
    print(text)
    if args.out:
        write_text(args.out, text)


def _checkpoint(layers: int) -> dict[str, Any]:
    """Random weights in Microsoft's layout, with biases and gates that matter."""
    import torch

    from gensup.detection.networks.beats import Beats as Network
    from gensup.detection.networks.beats import BeatsConfig

    torch.manual_seed(0)
    cfg = CFG | {"encoder_layers": layers}
    network = Network(BeatsConfig.of(cfg, "benchmark"))
    for name, value in network.named_parameters():
        if "grep" in name or "relative" in name:
            torch.nn.init.normal_(value)
    arrays = network.state_dict()
    bias = arrays.pop("encoder.relative_attention_bias.weight")
    model = {name.replace("pos_conv.", "pos_conv.0."): value for name, value in arrays.items()}
    model |= {f"encoder.layers.{i}.self_attn.relative_attention_bias.weight": bias for i in range(layers)}
    return {"cfg": cfg, "model": model}


def _measured(path: Path, device: str, batches: tuple[int, ...], args: argparse.Namespace) -> list[Row]:
    import torch
    from speechbrain.lobes.models.beats import BEATs

    theirs = BEATs(ckp_path=str(path)).to(device)
    means = Means(weights=path.parent, device=device)
    ways = {"gensup fp32": Beats("random", (args.layers,)).untrained(means)}
    if device != "cpu":
        ways["gensup bf16"] = Beats("random", (args.layers,), precision="bf16").untrained(means)
    if args.layers >= 4:
        ways["gensup fp32, layer 4 alone"] = Beats("random", (4,)).untrained(means)
    rows = []
    for batch in batches:
        clips = [_noise(seed) for seed in range(batch)]

        def speechbrain(clips: list[Any] = clips) -> Any:
            with torch.inference_mode():
                waves = torch.from_numpy(np.concatenate(clips)).to(device)
                return theirs(waves, torch.ones(len(clips), device=device))[0].cpu().numpy()

        calls: dict[str, Callable[[], Any]] = {"speechbrain": speechbrain}
        for name, front in ways.items():
            calls[name] = partial(_tokens, front, clips)
        spans: dict[str, list[float]] = {name: [] for name in calls}
        results: dict[str, Any] = {name: call() for name, call in calls.items()}  # weights, kernels, caches
        for _ in range(args.rounds):
            for name, call in calls.items():
                began = perf_counter()
                call()
                spans[name].append((perf_counter() - began) / batch)
        reference = results["speechbrain"]
        for name, taken in spans.items():
            if name == "speechbrain":
                rows.append(Row(name, device, batch, median(taken), 1.0, 0.0))
                continue
            found = np.stack([tokens.x for tokens in results[name]]).reshape(batch, -1, reference.shape[-1])
            apart = float(np.abs(found - reference).max()) if "alone" not in name else float("nan")
            # Turn by turn: what else the machine does meets both of a turn.
            ratio = median(other / own for other, own in zip(spans["speechbrain"], taken, strict=True))
            rows.append(Row(name, device, batch, median(taken), ratio, apart))
    return rows


def _tokens(front: Embedding, clips: list[Any]) -> list[Any]:
    return list(front.tokens_many(clips, RATE))


def _noise(seed: int) -> Any:
    return (0.1 * np.random.default_rng(seed).standard_normal((1, RATE * SECONDS))).astype(np.float32)


def _table(rows: list[Row], machine: str) -> str:
    lines = [
        f"# BEATs on {SECONDS} s clips",
        "",
        f"`python -m benchmarks.embeddings`: {machine}. Medians over turns,",
        "from samples to tokens, filter bank included. gensup passes the clips of a batch one by one on a CPU,",
        "where a batch slows speechbrain down: beside its single clips the gain is that of batch 1. On a GPU they go",
        f"{Beats.together} at a time.",
        "",
        "| what | device | batch | s / clip | times speechbrain's speed | largest difference |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        apart = "" if np.isnan(row.apart) else f"{row.apart:.1e}"
        lines.append(f"| {row.what} | {row.device} | {row.batch} | {row.seconds:.4f} | {row.ratio:.2f} | {apart} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
