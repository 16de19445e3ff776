"""fit: one configuration of one recipe on every normal clip of a machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.chain import ChainDetector
from gensup.detection.chain import fit as fit_detector
from gensup.detection.crossfit import crossfit, unfit
from gensup.detection.detector import load as load_detector
from gensup.detection.fusion import Fusion, Member, fuse
from gensup.detection.parts import Params, Scores
from gensup.detection.recipe import Recipe, load, plain, trial_id
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.steps.needed import Needed
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import normals
from gensup.steps.synthetic import Synthetic
from gensup.steps.table import exercise
from gensup.store import ArrayCache, RunLock
from gensup.store.files import is_temporary
from gensup.store.lock import LOCK

TRAINING = "training"  # in the detector's folder while its frontend is trained


def fit(
    root: Path,
    machine: str,
    detector: str,
    out: Path,
    *,
    values: Mapping[str, Json] | None = None,
    seed: int = 0,
    channel: Channel = 0,
    pattern: str | None = None,
    attributes: Path | None = None,
    detectors_overlay: Path | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    weights: Path | None = None,
    device: str | None = None,
    frontend: Path | None = None,
    noise: Path | None = None,
    noise_channel: Channel | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Member:
    """Fit recipe ``detector``, with ``values`` in place of its published ones, and save it in the folder ``out``.

    Of a recipe with members each is fitted, and the detector is the mean of their standardised scores.

    ``pattern`` and ``attributes`` say how own names are read and where a table of attributes lies, see ``scan``.

    A frontend that is trained is trained on what ``root`` offers: the machine's clips, and those of other machines
    where the recipe says ``train_on: all``; once for every fold, without its clips, and once on all of them.

    Args:
        weights: folder of pretrained checkpoints.
        device: cpu, cuda, cuda:1, for networks; None: the best that is there.
        frontend: a folder that ``train`` wrote: the frontend as it is. What is held out for the threshold is held out
            of the back end only, where it heard these clips.
        noise: a folder of noise, for a frontend that is trained with it, beside the supplemental clips of noise alone
            that lie below ``root``.
        noise_channel: the microphone of the training clips whose recordings are noise, too; 1, or far, in DCASE 2026.

    Raises:
        GensupError: bad input, an unknown recipe, path or value, too few clips, or ``out`` holds something else.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    recipe = load(detector, detectors_overlay)
    recipes = {name: load(name, detectors_overlay) for name in plain([detector], detectors_overlay)}
    if recipe.members and values:
        raise GensupError(
            "values of a recipe that has no parts",
            where="--set",
            value=", ".join(values),
            rule=f"{detector} is the mean of {', '.join(recipes)}",
            remedy="fit its members, or lay a recipe with these values over them with --detectors",
        )
    params = {name: one.with_values(values or {}) for name, one in recipes.items()}
    needed = Needed(
        weights=weights, device=device, frontend=frontend, cache=cache, noise=noise, noise_channel=noise_channel
    )
    front = needed.front()
    needed.check_noise(params.values())
    trained = [name for name, one in recipes.items() if one.trained]
    if front is not None:
        for name in trained or list(recipes):
            front.check_params(recipes[name], params[name])
    _check_free(out, recipe, params, machine, needed)
    with Followed(for_workers(workers), progress) as engine:
        recordings = normals(
            root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        if front is not None:
            front.check_sound(recordings)
            if heard_before := front.heard(recordings):
                progress.note(
                    f"the frontend has heard {heard_before} of {len(recordings.members)} of these clips: they score "
                    "lower than new ones, and so the threshold may be low"
                )
        # The folds of a tuning without a single question: what is held out sets the threshold.
        repeats = 1 if trained and front is None else None
        alone = exercise(recordings, Synthetic((), True, ()), seed, repeats)
        clips, arrangements = alone.normals(machine, recipe.group_by)
        trials = {trial_id(name, one): one for name, one in params.items()}
        for reason in unfit(trials, arrangements, clips.group).values():
            raise GensupError(
                "too few normal clips", where=str(root), value=reason, remedy="choose fewer, or give more clips"
            )
        heard = needed.others(
            list(recipes.values()), root, recordings, out=out, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        noises = needed.noise_for(
            params.values(), root, recordings, heard, out=out, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern,
        )  # fmt: skip
        with _held(out), TemporaryDirectory(prefix="gensup-") as kept:
            _check_free(out, recipe, params, machine, needed)  # another fit may have ended meanwhile
            every = needed.means(out / TRAINING, heard, noises)
            if every.cache is None:  # what a slow frontend makes of a clip serves the threshold and the fit
                every = replace(every, cache=ArrayCache(Path(kept)))
            fitted: dict[str, tuple[Member, Scores]] = {}
            for name, one in recipes.items():
                means = every if one.train_on == "all" else replace(every, others=None)
                (scored,) = crossfit(engine, {trial_id(name, params[name]): params[name]}, clips, arrangements, means)
                held_out = scored.scores[0].ravel()
                model = fit_detector(
                    engine, name, one.group_by, params[name], clips, held_out, machine=machine, means=means,
                    transductive=one.transductive,
                )  # fmt: skip
                fitted[name] = model, held_out
            detection, _ = _together(recipe, fitted, detectors_overlay)
            detection.save(out)
            if (out / TRAINING).exists():
                # The detector holds what was trained: what a killed training would have continued from is in the way.
                detection = load_detector(out, needed.means())
                rmtree(out / TRAINING, ignore_errors=True)
    return detection


@contextmanager
def _held(out: Path) -> Iterator[None]:
    """``out`` for one writer; of a fit that fails no empty folder stays."""
    stood = out.exists()
    try:
        with RunLock(out):
            yield
    finally:
        if not stood:
            with suppress(OSError):  # it holds something
                out.rmdir()


def _check_free(out: Path, recipe: Recipe, params: Mapping[str, Params], machine: str, needed: Needed) -> None:
    """Raise GensupError if anything but this detector stands in ``out``."""
    if out.exists() and not (out / "detector.json").is_file() and (not out.is_dir() or _foreign(out)):
        raise GensupError(
            "something else stands here",
            where=str(out),
            rule="a detector has a folder of its own",
            remedy="name another --out",
        )
    if (out / "detector.json").is_file():
        there = load_detector(out, needed.means())
        known = {there.recipe: dict(there.params)} if isinstance(there, ChainDetector) else _recipes(there)
        # A fusion of one recipe's configurations is none of that recipe's.
        if known != params or isinstance(there, ChainDetector) == bool(recipe.members) or there.machine != machine:
            raise GensupError(
                "another detector stands here",
                where=str(out),
                value=f"{there.description} of {there.machine}",
                rule="a folder holds one detector",
                remedy="name another --out, or remove the folder",
            )


def _together(
    recipe: Recipe, fitted: Mapping[str, tuple[Member, Scores]], overlay: Path | None
) -> tuple[Member, Scores]:
    """What was fitted of a recipe, with its raw held-out scores; of one with members, their mean."""
    if not recipe.members:
        return fitted[recipe.name]
    parts = [_together(load(name, overlay), fitted, overlay) for name in recipe.members]
    return fuse("mean", [member for member, _ in parts], [scores for _, scores in parts])


def _recipes(there: Fusion) -> dict[str, Params]:
    return {one.recipe: dict(one.params) for one in there.chains()}


def _foreign(out: Path) -> bool:
    """Whether there is anything but what a killed fit leaves."""
    return any(entry.name not in (TRAINING, LOCK) and not is_temporary(entry.name) for entry in out.iterdir())
