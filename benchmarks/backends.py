"""How long neighbours take: kNN and local density of our own beside scikit-learn's, the same scores.

    python -m benchmarks.backends [--bank N] [--queries N] [--dim D] [--out DIR]

Vectors are like embeddings: a few directions that all share, and noise. Scikit-learn's side is its brute-force
``NearestNeighbors``; its local density is what one would write with it: neighbours of the bank for the spreads, and
``pairwise_distances_chunked`` for the quotients. Times are CPU seconds of one thread, the best of two in turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gensup.detection.backends.knn import Knn
from gensup.detection.backends.local_density import LocalDensity
from gensup.detection.parts import Scores, Vectors
from gensup.engine import single_threaded
from gensup.store import write_text

SEED = 5
RUNS = 2
TOLERANCE = 1e-4  # relative: scikit-learn takes single precision for cosine distances of single-precision vectors


@dataclass(frozen=True, slots=True)
class Row:
    """One back end, by both."""

    name: str
    own_s: float
    reference_s: float
    difference: float  # largest, relative

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.reference_s / self.own_s


def vectors(bank: int, queries: int, dim: int) -> tuple[Vectors, Vectors]:
    """Normal clips and clips to score."""
    rng = np.random.default_rng(SEED)
    shared = rng.normal(size=(min(40, dim), dim))

    def some(count: int) -> Vectors:
        mixed = 0.3 * rng.normal(size=(count, len(shared))) @ shared + rng.normal(size=(count, dim))
        return np.asarray(mixed, dtype=np.float32)

    return some(bank), some(queries)


def compared(bank: Vectors, queries: Vectors) -> list[Row]:
    """Every back end by both, its fit included.

    Raises:
        ValueError: the scores are not the same.
    """
    pairs: list[tuple[str, Callable[[], Scores], Callable[[], Scores]]] = [
        (
            f"kNN, k = {k}, {metric}",
            lambda k=k, metric=metric: Knn(k, metric).fit(bank, None, 0).score(queries),  # type: ignore[misc]
            lambda k=k, metric=metric: _neighbours(bank, queries, k, metric),  # type: ignore[misc]
        )
        for metric in ("cosine", "euclidean")
        for k in (1, 8)
    ]
    pairs += [
        (
            f"local density, K = {k}",
            lambda k=k: LocalDensity(k).fit(bank, None, 0).score(queries),  # type: ignore[misc]
            lambda k=k: _local_density(bank, queries, k),  # type: ignore[misc]
        )
        for k in (4, 16)
    ]
    with single_threaded():
        _neighbours(bank[:50], queries[:5], 1, "cosine"), _local_density(bank[:50], queries[:5], 1)  # imports
        return [_row(name, own, reference) for name, own, reference in pairs]


def _row(name: str, own: Callable[[], Scores], reference: Callable[[], Scores]) -> Row:
    seconds = {own: np.inf, reference: np.inf}
    scores = {}
    for _ in range(RUNS):
        for way in (own, reference):  # in turn: what else the machine does then slows both
            begin = time.process_time()
            scores[way] = way()
            seconds[way] = min(seconds[way], time.process_time() - begin)
    difference = float(np.max(np.abs(scores[own] - scores[reference]) / np.abs(scores[reference])))
    if not difference <= TOLERANCE:
        raise ValueError(f"{name}: the scores differ by {difference:.1e}")
    return Row(name, float(seconds[own]), float(seconds[reference]), difference)


def _neighbours(bank: Vectors, queries: Vectors, k: int, metric: str) -> NDArray[np.float64]:
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(bank)
    return np.asarray(model.kneighbors(queries)[0].mean(axis=1))


def _local_density(bank: Vectors, queries: Vectors, k: int) -> NDArray[np.float64]:
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import normalize

    near, far = normalize(bank), normalize(queries)
    model = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(near)
    spread = model.kneighbors()[0].mean(axis=1)  # of each clip to the others

    def smallest(distances: Any, start: int) -> Any:
        return (distances / spread).min(axis=1)

    return np.concatenate(list(pairwise_distances_chunked(far, near, reduce_func=smallest)))


def page(rows: Sequence[Row], bank: Vectors, queries: Vectors) -> str:
    """The results as Markdown."""
    import sklearn

    lines = [
        "# Neighbours beside scikit-learn",
        "",
        f"{len(queries)} queries by {len(bank)} normal vectors of {bank.shape[1]} numbers, float32; "
        f"`python -m benchmarks.backends`. CPU seconds of one thread, fit and scores, the best of {RUNS} in turn, on a "
        f"machine with two cores that other jobs shared; NumPy {np.__version__}, scikit-learn {sklearn.__version__}.",
        "",
        "| back end | ours s | scikit-learn s | times as fast | largest relative difference |",
        "|---|---|---|---|---|",
        *(f"| {r.name} | {r.own_s:.2f} | {r.reference_s:.2f} | {r.ratio:.1f} | {r.difference:.0e} |" for r in rows),
        "",
        "Ours measures what it returns in double precision; scikit-learn's cosine distances are in single precision, "
        "which is what the differences are.",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    words = parser.parse_args(arguments)
    bank, queries = vectors(words.bank, words.queries, words.dim)
    text = page(compared(bank, queries), bank, queries)
    write_text(words.out / "backends.md", text)
    print(text, end="")


if __name__ == "__main__":
    main()
