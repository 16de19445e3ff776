"""Does fine-tuning learn? A small AudioLDM of random weights is asked before and after it is trained on eight clips.

    python -m benchmarks.finetuning --data DIR [--machine fan] [--seconds .3] [--steps 300] [--rate 1e-2] [--out FILE]

DIR holds clips of one machine in folders, or with names, that say normal and abnormal (or anomaly). Of each the first
four are taken, and of each clip one stretch. Random weights know nothing of sound: this shows that clips, captions,
objective, average and sampler go together, not how well a published checkpoint is tuned.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from benchmarks import architectures
from benchmarks.learning import Learning, distance
from gensup._compat import ensure_torchaudio
from gensup.audio.files import SUFFIXES, AudioRef, fingerprint
from gensup.captions import caption
from gensup.clip import Clip, Condition
from gensup.errors import GensupError
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.examples import TrainingClip

EACH = 4  # clips of either condition
RATE = 16_000
SIZE = architectures.Size((16, 16, 32), (8, 8, 16), 1, 32, 4, 4, clap=16, clap_layers=1, joint=16)
"""Of the model: a UNet that a CPU trains in a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the model is asked before and after."""

    loss: float  # mean squared error of its prediction over all clips, at fixed timesteps under fixed noise
    normal: float  # distance of w = 0 to the nearest normal clip, in latents of unit variance
    anomaly: float  # distance of w = 4 to the nearest anomalous clip
    auc: float | None  # of a classifier that tells w = 0 from w = 4

    @classmethod
    def of(cls, learning: Learning) -> Answers:
        normals, anomalies = learning.latents[:EACH], learning.latents[EACH:]
        return cls(
            loss=learning.loss(),
            normal=distance(learning.generated(0.0), normals),
            anomaly=distance(learning.generated(4.0), anomalies),
            auc=learning.auc(),
        )


def found(folder: Path, machine: str) -> list[TrainingClip]:
    """Four normal and four anomalous clips, the normal ones first.

    Raises:
        GensupError: there are fewer.
    """
    taken: dict[Condition, list[TrainingClip]] = {"normal": [], "anomaly": []}
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        condition = _condition(path.relative_to(folder))
        if condition is None or len(taken[condition]) == EACH:
            continue
        ref = AudioRef(path, RATE)
        audio = ref.read()
        clip = Clip(path=path.name, machine=machine, section="00", domain="source", split="test", condition=condition)
        taken[condition].append(TrainingClip(clip, ref, fingerprint(audio), audio.shape[1] / RATE, "reference"))
    for condition, clips in taken.items():
        if len(clips) < EACH:
            raise GensupError("too few clips", where=str(folder), value=f"{len(clips)} {condition}", rule=f"{EACH}")
    return [*taken["normal"], *taken["anomaly"]]


def learn_words(model: Path, clips: Sequence[TrainingClip]) -> None:
    """Give a model whose tokenizer knows bytes one that knows the clips' captions: 77 bytes are no sentence."""
    ensure_torchaudio()
    from transformers import RobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    said = [caption(clip.clip, condition=clip.condition, style=s) for clip in clips for s in ("paper", "descriptive")]
    learnt.train_from_iterator(said, trainer)
    known = json.loads(learnt.to_str())["model"]
    merges: Any = [tuple(merge) for merge in known["merges"]]
    RobertaTokenizerFast(vocab=known["vocab"], merges=merges, model_max_length=512).save_pretrained(model / "tokenizer")


def _condition(path: Path) -> Condition | None:
    words = str(path).lower()
    if "abnormal" in words or "anomal" in words:
        return "anomaly"
    return "normal" if "normal" in words else None


def table(before: Answers, after: Answers) -> str:
    """Markdown."""
    rows = [
        ("loss at fixed timesteps and noise", before.loss, after.loss, f"{before.loss / after.loss:.1f} × less"),
        ("distance of w = 0 to the nearest normal clip", before.normal, after.normal, ""),
        ("distance of w = 4 to the nearest anomalous clip", before.anomaly, after.anomaly, ""),
    ]
    lines = ["| | before | after | |", "|---|---|---|---|"]
    lines += [f"| {name} | {first:.3f} | {then:.3f} | {said} |" for name, first, then, said in rows]
    auc = ["-" if value is None else f"{value:.2f}" for value in (before.auc, after.auc)]
    return "\n".join([*lines, f"| AUC of w = 0 against w = 4 | {auc[0]} | {auc[1]} | |"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--machine", default="fan")
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    clips = found(given.data, given.machine)
    course = Course(
        rank=None, steps=given.steps, batch=len(clips), rate=given.rate, warmup=10, decay=0.98, seconds=given.seconds,
        wraps=1, validate_every=given.steps, checkpoint_every=given.steps,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        model = architectures.save(Path(scratch) / "model", "audioldm-s", size=SIZE)
        learn_words(model, clips)
        learning = Learning.under(Path(scratch), model, clips, course)
        before, began = Answers.of(learning), perf_counter()
        for step in learning.trainer.run():
            if step.number % 50 == 0:
                print(f"step {step.number} of {given.steps}", flush=True)
        took = perf_counter() - began
        learning.session.finish(learning.trainer, learning.out)
        said = table(before, Answers.of(learning))
    weights = sum(weight.numel() for weight in learning.session.family.unet.parameters())
    text = f"{len(clips)} clips, {weights / 1e6:.2f} million weights, {given.steps} steps in {took:.0f} s.\n\n{said}\n"
    print(text)
    if given.out is not None:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
