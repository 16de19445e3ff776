"""train: a recipe's frontend on the normal clips of many machines, once, for all detectors that are fitted with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import cast

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.means import Means
from gensup.detection.recipe import Recipe, build, load
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.rng import seed as seed_of
from gensup.steps import noise as noises
from gensup.steps.front import RECORD, SLOT, Front, arrays_of, read, write
from gensup.steps.material import examples, gathered
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.store import RunLock, open_run
from gensup.store.run import RUN

TRAINING = "training"  # folder of what a killed training continues from


def train(
    roots: Sequence[Path],
    detector: str,
    out: Path,
    *,
    machines: Sequence[str] | None = None,
    values: Mapping[str, Json] | None = None,
    seed: int = 0,
    channel: Channel = 0,
    pattern: str | None = None,
    attributes: Path | None = None,
    detectors_overlay: Path | None = None,
    weights: Path | None = None,
    device: str | None = None,
    noise: Path | None = None,
    noise_channel: Channel | None = None,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Front:
    """Train the frontend of recipe ``detector`` on the normal training clips of ``machines`` below ``roots``.

    ``out`` gets frontend.safetensors and frontend.json. A training that was killed continues; one that is finished is
    read, not done again.

    Args:
        machines: those wanted; None: every machine that the folders name.
        values: in place of the recipe's published ones, see ``Recipe.with_values``.
        weights: folder of pretrained checkpoints.
        device: cpu, cuda, cuda:1; None: the best that is there.
        noise: a folder of noise, for a frontend that is trained with it, beside the supplemental clips of noise alone
            that the folders have of these machines.
        noise_channel: the microphone of the training clips whose recordings are noise, too; 1, or far, in DCASE 2026.

    Raises:
        GensupError: bad input, a recipe whose frontend is not trained, too few clips or classes, missing weights, or
            another training in ``out``.
    """
    roots, out = [Path(root) for root in roots], Path(out)  # text is welcome, too
    recipe = load(detector, detectors_overlay)
    params = recipe.with_values(values or {})
    _check(roots, out, recipe, machines)
    asked = noises.Asked(folder=noise, channel=noise_channel)
    noisy = asked.wanted([params], trained=True)
    asked.check(noisy)
    with Followed(for_workers(workers), progress) as engine:
        heard, of = gathered(
            roots, machines, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        clips = examples(heard.members, machines[0] if machines and len(machines) == 1 else "")
        mixed = noises.gathered(
            asked, roots, machines, noises.Beside(clips.audio, clips.key, heard.rate, channel), out=out,
            skip_bad=skip_bad, engine=engine, progress=progress, pattern=pattern,
        ) if noisy else None  # fmt: skip
    if len(clips) < 2:
        raise GensupError(
            "too few normal clips", value=len(clips), rule="at least 2 of different sound", remedy="give more clips"
        )
    frontend = build(params).frontend
    own = {path: value for path, value in params.items() if path.startswith(SLOT)}
    config: dict[str, Json] = {
        "command": "train",
        "recipe": recipe.name,
        "frontend": cast("Json", own),
        "version": frontend.version,
        "seed": seed,
        "rate": heard.rate,
        "channel": heard.channel,
        "clips": len(clips),
        "fingerprint": digest(list(clips.key), list(clips.label or ())),
        **noises.described(mixed),
    }
    open_run(out, config)
    with RunLock(out):
        if (out / RECORD).is_file():
            progress.note(f"{out} is finished: nothing to train")
            rmtree(out / TRAINING, ignore_errors=True)
            return read(out)
        progress.note(f"training {frontend.name} on {len(clips)} normal clips, {len(set(clips.label or ()))} classes")
        means = Means(weights=weights, folder=out / TRAINING, device=device, noise=mixed)
        try:
            fitted = frontend.ready(clips, means, seed_of("frontend", seed))
        except GensupError:
            if not (out / TRAINING).exists():  # nothing was begun: what mends it may be another configuration
                (out / RUN).unlink()
            raise
        arrays = arrays_of(fitted)
        front = Front(
            folder=out,
            recipe=recipe.name,
            params=own,
            version=frontend.version,
            machines=of or tuple(machines or ()),
            keys=clips.key,
            labels=clips.label or (),
            noise=() if mixed is None else mixed.key,
            rate=heard.rate,
            channel=heard.channel,  # type: ignore[arg-type]  # the gate took it: it is one channel
            seed=seed,
            sha256=sha256(arrays).hexdigest(),
        )
        write(front, arrays)
        rmtree(out / TRAINING, ignore_errors=True)  # weights and checkpoints, several times what stands beside it now
    return front


def _check(roots: Sequence[Path], out: Path, recipe: Recipe, machines: Sequence[str] | None) -> None:
    if not roots:
        raise GensupError("no recordings", where="ROOT", rule="at least one folder")
    if machines is not None and (not machines or len(set(machines)) < len(machines)):
        raise GensupError(
            "a machine twice" if machines else "no machine",
            where="--machines",
            value=", ".join(machines),
            rule="each once",
        )
    if not recipe.trained:
        raise GensupError(
            "nothing to train",
            where="--detector",
            value=recipe.name,
            rule=f"its frontend, {recipe.default['frontend.kind']}, is not trained",
            remedy="fit or tune it as it is",
        )
    for root in roots:
        if out.resolve() in (root.resolve(), *root.resolve().parents):
            raise GensupError(
                "the output would hold the recordings",
                where=str(out),
                rule="a folder of its own",
                remedy="name another --out",
            )
