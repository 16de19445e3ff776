"""Can a chain be heard without any fault? Then its anomalies may be told by the chain, and choosing by them is vain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gensup.metrics import auc
from gensup.selection.records import Column

RECORDINGS = "recordings"
CODED = "recordings after the codec"
FOLDS = 5
FEWEST = 20  # clips of either kind: of fewer, an AUC of 0.65 comes by chance


def told_from(columns: Iterable[Column], chain: str) -> str:
    """What the normal twins of ``chain`` are told from, in words: what its candidates are fitted on."""
    fitted = {column.fitted for column in columns if column.chain == chain and column.role != "normal"}
    return RECORDINGS if fitted <= {"none"} else CODED


def taint(vectors: NDArray[np.float32], sham: NDArray[np.bool_], source: Sequence[str]) -> float:
    """AUC of a fixed classifier that tells shams from real held-out normal clips; 0.5 where there are too few.

    Logistic regression on standardised vectors, cross-validated by source clip: a recording and its own sham are held
    out together, so that nothing is told by knowing the clip.

    Args:
        vectors: (clips, dim), summaries of the sound; sham: (clips,); source: (clips,) what each was made from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    groups = np.unique(np.asarray(source), return_inverse=True)[1]
    if min(len(np.unique(groups[sham])), len(np.unique(groups[~sham]))) < FEWEST:
        return 0.5
    scores = np.empty(len(sham))
    for fitted, held_out in StratifiedGroupKFold(FOLDS).split(vectors, sham, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        model.fit(vectors[fitted], sham[fitted])
        scores[held_out] = model.decision_function(vectors[held_out])
    return float(auc(scores[~sham], scores[sham]))
