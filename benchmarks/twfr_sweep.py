"""The whole grid of TWFR-GMM, 51 decays by 4 mixture sizes, three ways on the same clips in the same run.

    python -m benchmarks.twfr_sweep [FOLDER] --normals 100 --queries 100

(a) as published (liuyoude/TWFR-GMM: extractor.py, gmmer.py): every grid point reads the files, transforms, pools, fits
and scores clip by clip again. Each round measures one decay with all mixture sizes and extrapolates it to all decays.
(b) what a competent user writes instead: every clip transformed and sorted once, one matrix product for all decays,
scikit-learn's GaussianMixture at every point. (c) gensup. (a) and (b) read with soundfile, quicker than the published
librosa, and transform with torchaudio, as published. All have one thread for linear algebra, with which scikit-learn is
quickest on fits of this size. The three take turns, so that whatever else the machine does is shared among them.

Without FOLDER (its first clips are the normals, the next the queries) the clips are rendered.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import numpy as np
import soundfile
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.rendered import render
from gensup._compat import ensure_torchaudio
from gensup.audio.files import AudioRef
from gensup.cli.console import print_table
from gensup.detection import features, mixture
from gensup.detection.backends.gmm import FittedGmm, Gmm
from gensup.detection.examples import Examples
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.pooling.gwrp import Gwrp
from gensup.engine import Engine, Inline, collect, for_workers
from gensup.errors import GensupError

DECAYS = tuple(round(0.02 * i, 2) for i in range(51))
SIZES = (1, 2, 4, 8)
SEED = 526  # the published code's
TOLERANCE = 1e-6  # of scores of the same vectors: covariances of few clips in 128 bands have condition numbers of 1e10
TOLERANCE_OF_SOUND = 1e-2  # of scores of the same clips: two float32 log-mels, and the same amplification
SUFFIXES = (".wav", ".flac")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clips:
    """What is fitted on and what is scored."""

    normals: tuple[Path, ...]
    queries: tuple[Path, ...]
    rate: int

    def __len__(self) -> int:
        return len(self.normals) + len(self.queries)


# ---------------------------------------------------------------- (a) and (b)


class Published:
    """Files into vectors. Torch and scikit-learn load here, after gensup's memory has been measured without them."""

    def __init__(self, rate: int) -> None:
        ensure_torchaudio()
        import torch
        from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

        self.tensor = torch.from_numpy
        self.mel = MelSpectrogram(rate, n_fft=1024, hop_length=512, n_mels=128)
        self.decibels = AmplitudeToDB(stype="power")

    def frames(self, path: Path) -> NDArray[np.float32]:
        """(frames, 128) in dB."""
        samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
        return np.asarray(self.decibels(self.mel(self.tensor(samples[:, 0]))).numpy().T)

    def vector(self, path: Path, decay: float) -> NDArray[np.float32]:
        """(128,) weighted by rank."""
        ranked = np.sort(self.frames(path), axis=0)[::-1].astype(np.float64)
        weights = decay ** np.arange(len(ranked))
        return np.asarray(weights @ ranked / weights.sum(), dtype=np.float32)


def published(clips: Clips, decay: float, k: int) -> Floats:
    """(queries,) scores at one grid point, from the files on."""
    front = Published(clips.rate)
    x = np.stack([front.vector(path, decay) for path in clips.normals])
    fitted = _reference(k).fit(x.astype(np.float64))
    queries = (front.vector(path, decay)[None].astype(np.float64) for path in clips.queries)
    # The published score leaves the weights out, which scikit-learn has no public name for.
    return np.array([-fitted._estimate_log_prob(query).max() for query in queries])


def _one_decay(clips: Clips, decay: float) -> Floats:
    return np.stack([published(clips, decay, k) for k in SIZES])


def cached(clips: Clips) -> tuple[Floats, NDArray[np.float32]]:
    """(decays, sizes, queries) scores of the whole grid by a careful loop over scikit-learn, and all vectors."""
    front = Published(clips.rate)
    weights: dict[int, Floats] = {}
    vectors = np.empty((len(DECAYS), len(clips), 128), np.float32)
    for i, path in enumerate((*clips.normals, *clips.queries)):
        ranked = np.sort(front.frames(path), axis=0)[::-1]
        if len(ranked) not in weights:
            powers = np.array(DECAYS)[:, None] ** np.arange(len(ranked))
            weights[len(ranked)] = powers / powers.sum(axis=1, keepdims=True)
        vectors[:, i] = weights[len(ranked)] @ ranked.astype(np.float64)
    scores = np.empty((len(DECAYS), len(SIZES), len(clips.queries)))
    for d, x in enumerate(vectors.astype(np.float64)):
        for s, k in enumerate(SIZES):
            fitted = _reference(k).fit(x[: len(clips.normals)])
            scores[d, s] = -fitted._estimate_log_prob(x[len(clips.normals) :]).max(axis=1)
    return scores, vectors


def _reference(k: int) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(k, covariance_type="full", tol=1e-6, reg_covar=1e-6, random_state=SEED)


# ---------------------------------------------------------------- (c)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One worker's task: all mixture sizes on the vectors of one decay."""

    normals: int

    def __call__(self, x: NDArray[np.float32]) -> Floats:
        return Gmm.sweep([Gmm(k) for k in SIZES], x[: self.normals], None, x[self.normals :], SEED)


def swept(clips: Clips, engine: Engine) -> Floats:
    """(decays, sizes, queries) scores of the whole grid by gensup's own path."""
    paths = (*clips.normals, *clips.queries)
    examples = Examples(
        audio=tuple(AudioRef(path, clips.rate, 0) for path in paths),
        key=tuple(map(str, paths)),
        group=("",) * len(paths),
    )
    vectors = features.pooled(engine, examples, LogMel(), [Gwrp(decay) for decay in DECAYS])
    return np.stack(collect(engine, _Sweep(len(clips.normals)), list(vectors)))


# ---------------------------------------------------------------- measuring


class Peak:
    """Largest memory of this process and all below it while it is entered, in bytes.

    Proportional set size, so that shared pages count once; 0 where there is no /proc.
    """

    def __init__(self) -> None:
        self.value = 0

    def __enter__(self) -> Peak:
        self._over = Event()
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while True:
            self.value = max(self.value, sum(map(_pss, _family(os.getpid()))))
            if self._over.wait(0.05):
                return


def _family(root: int) -> Iterator[int]:
    """This process and its descendants."""
    yield root
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from _family(int(child))
        except OSError:  # it has just ended
            continue


def _pss(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


@contextmanager
def stages() -> Iterator[dict[str, float]]:
    """Seconds inside the parts of gensup's path, each without the parts that it calls."""
    spent: dict[str, float] = {}
    running: list[float] = []  # seconds spent inside callees, for every timed call under way

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            running.append(0.0)
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.perf_counter() - began
                spent[name] = spent.get(name, 0.0) + whole - running.pop()
                if running:
                    running[-1] += whole

        return measured

    parts: tuple[tuple[str, Any, str], ...] = (
        ("read + decode", AudioRef, "read"),
        ("log-mel", LogMel, "tokens"),
        ("sort + product", Gwrp, "pool_many"),
        ("k-means", mixture, "partition"),
        ("EM", mixture, "fit"),
        ("score", FittedGmm, "score"),
    )
    with ExitStack() as patches:
        for name, owner, attribute in parts:
            patches.enter_context(patch.object(owner, attribute, timed(name, getattr(owner, attribute))))
        yield spent


def _timed(function: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def difference(ours: Floats, theirs: Floats) -> float:
    """Largest difference of two arrays of scores, relative where they are large."""
    return float(np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))))


# ---------------------------------------------------------------- the run


def found(folder: Path, normals: int, queries: int) -> Clips:
    """The first clips of a folder, in order of their paths.

    Raises:
        GensupError: it holds too few.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(paths) < normals + queries:
        raise GensupError(
            "too few clips",
            where=str(folder),
            value=len(paths),
            rule=f"{normals} normals and {queries} queries",
            remedy="lower --normals or --queries",
        )
    rate = soundfile.info(paths[0]).samplerate
    return Clips(tuple(paths[:normals]), tuple(paths[normals : normals + queries]), rate)


def rendered(folder: Path, normals: int, queries: int, seconds: float) -> Clips:
    """Clips of a rendered machine: training clips, and as many normal as anomalous test clips."""
    name = "RotaryBlower"
    render(folder, seed=0, train=normals, target=0, test=4 * -(-queries // 4), seconds=seconds, machines=(name,))
    train = sorted((folder / name / "train").iterdir())
    # By their number: as many anomalies as normals of either domain, as far as they go.
    test = sorted((folder / name / "test").iterdir(), key=lambda path: (path.name.split("_")[5], path.name))
    return Clips(tuple(train), tuple(test[:queries]), 16_000)


def compare(clips: Clips, *, rounds: int, workers: int) -> None:
    """Run all three, print what they took, and check that they agree.

    Raises:
        GensupError: their scores differ by more than the tolerances.
    """
    sample = [round((i + 0.5) * len(DECAYS) / rounds) for i in range(rounds)]
    engine = for_workers(workers)
    peaks = {way: Peak() for way in "abc"}
    with peaks["c"]:  # before torch and scikit-learn are loaded
        swept(clips, engine)
    published(clips, 1.0, 1)  # loads them
    seconds: dict[str, list[float]] = {way: [] for way in "abc"}
    gaps = dict.fromkeys(("b", "a", "sound"), 0.0)
    for d in sample:
        took, ours = _timed(lambda: swept(clips, engine))
        seconds["c"].append(took)
        with threadpool_limits(1):
            with peaks["b"]:
                took, (loop, vectors) = _timed(lambda: cached(clips))
                seconds["b"].append(took)
            with peaks["a"]:
                took, point = _timed(partial(_one_decay, clips, DECAYS[d]))
                seconds["a"].append(took * len(DECAYS))
            same = np.stack([_Sweep(len(clips.normals))(x) for x in vectors])
        found = {"b": difference(same, loop), "a": difference(same[d], point), "sound": difference(ours, loop)}
        gaps = {way: max(gap, found[way]) for way, gap in gaps.items()}
    with stages() as spent:
        whole, _ = _timed(lambda: swept(clips, Inline()))
    _say(clips, peaks, seconds, spent, whole, workers)
    print(
        f"\nlargest relative differences of gensup's scores: on the vectors of (b) from (b) {gaps['b']:.1e}, from (a)"
    )
    print(f"{gaps['a']:.1e}; from files to scores, with two libraries' log-mels, {gaps['sound']:.1e}")
    if not (max(gaps["a"], gaps["b"]) <= TOLERANCE and gaps["sound"] <= TOLERANCE_OF_SOUND):
        raise GensupError("the scores differ", value=str(gaps), rule=f"{TOLERANCE:g}; {TOLERANCE_OF_SOUND:g} of sound")


def _say(
    clips: Clips,
    peaks: Mapping[str, Peak],
    seconds: Mapping[str, Sequence[float]],
    spent: Mapping[str, float],
    whole: float,
    workers: int,
) -> None:
    ways = {
        "a": "(a) as published, extrapolated",
        "b": "(b) cached loop, scikit-learn",
        "c": f"(c) gensup, workers: {workers}",
    }
    print(
        f"{len(clips.normals)} normals, {len(clips.queries)} queries, {len(DECAYS) * len(SIZES)} grid points; ", end=""
    )
    print(f"medians of {len(seconds['c'])} rounds\n")
    rows = []
    for way, name in ways.items():
        ratio = median(s / ours for s, ours in zip(seconds[way], seconds["c"], strict=True))
        rows.append((name, f"{median(seconds[way]):.2f}", f"{ratio:.1f}", f"{peaks[way].value / 2**20:.0f}"))
    print_table(("way", "seconds", "times gensup's", "peak MiB"), rows)
    print("\nwhere gensup's time goes, in one process:\n")
    parts = {**spent, "else": whole - sum(spent.values())}
    print_table(("part", "seconds", "share"), [(n, f"{s:.3f}", f"{s / whole:.0%}") for n, s in parts.items()])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--normals", type=int, default=100, help="clips to fit on")
    parser.add_argument("--queries", type=int, default=100, help="clips to score")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of rendered clips")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="gensup-") as temporary:
        clips = (
            rendered(Path(temporary), given.normals, given.queries, given.seconds)
            if given.folder is None
            else found(given.folder, given.normals, given.queries)
        )
        compare(clips, rounds=given.rounds, workers=given.workers)


if __name__ == "__main__":
    main()
