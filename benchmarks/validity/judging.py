"""Choices judged by real labels: ten halves of the test, two oracles, rank correlations, and wrong priors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.validity.records import Case, Outcome, Wrong
from gensup.metrics import auc, hmean, pauc
from gensup.rng import generator
from gensup.selection.constants import constants
from gensup.selection.fusion import fused, hedged
from gensup.selection.panel import normal_places
from gensup.selection.records import LEFT_OUT, Column, Judgement, ScoreTable, Verdict
from gensup.selection.surrogates import surrogates
from gensup.selection.utility import judge
from gensup.selection.verdict import decide

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
SPLITS = 10
WRONG = {"wrong 1": 1, "wrong 3": 3}  # mechanisms


def official(scores: Floats, anomalous: NDArray[np.bool_], target: NDArray[np.bool_]) -> Floats:
    """(...,) harmonic mean of the AUC of either domain's normal clips against all anomalies, and the partial AUC.

    Args:
        scores: (..., clips). Where all normal clips are of one domain: of the AUC and the partial AUC.
    """
    normal, anomaly = scores[..., ~anomalous], scores[..., anomalous]
    of_target = target[~anomalous]
    if of_target.any() and not of_target.all():
        areas = [auc(normal[..., ~of_target], anomaly), auc(normal[..., of_target], anomaly)]
    else:
        areas = [auc(normal, anomaly)]
    return hmean(np.stack([*areas, pauc(normal, anomaly)]), axis=0)


def halves(name: str, anomalous: NDArray[np.bool_], target: NDArray[np.bool_]) -> Iterable[tuple[Places, Places]]:
    """Ten random halves of the clips, each with half of every condition and domain (odd ones in turn)."""
    kinds = anomalous.astype(int) * 2 + target
    for split in range(SPLITS):
        rng = generator("halves", name, split)
        parts: tuple[list[int], list[int]] = ([], [])
        first = split % 2
        for kind in np.unique(kinds):
            order = rng.permutation(np.flatnonzero(kinds == kind))
            for place, clip in enumerate(order):
                parts[(place + first) % 2].append(int(clip))
            first += len(order) % 2
        yield np.array(sorted(parts[0])), np.array(sorted(parts[1]))


def without(table: ScoreTable, mechanisms: Sequence[str]) -> ScoreTable:
    """The table without the exams of these mechanisms."""
    return replace(table, exams=tuple(e for e in table.exams if e.question.mechanism not in mechanisms))


def of(judgements: Sequence[Judgement], mechanisms: Sequence[str]) -> tuple[Judgement, ...]:
    """Judgements of these mechanisms alone. Whole mechanisms come and go, so that no vote is shared anew."""
    return tuple(j for j in judgements if j.mechanism in mechanisms)


def judged(case: Case, judgements: Sequence[Judgement] | None = None) -> Outcome:
    """What the procedure, and its rivals, would have chosen on ``case``, and how good each is on the real test.

    Args:
        judgements: of this table's families, where they are known; they are made otherwise.
    """
    table = case.table
    judgements = judge(table) if judgements is None else judgements
    verdict = decide(table, judgements)
    choices = {**_built(case, verdict), **_alone(case, judgements)}
    scores: dict[str, list[float]] = {}
    for chooses, judges in halves(case.name, case.anomalous, case.target):
        for name, value in _on_split(case, choices, _families(judgements), chooses, judges).items():
            scores.setdefault(name, []).append(value)
    voters = [j for j in judgements if j.weight > 0]
    real = official(case.test, case.anomalous, case.target)
    return Outcome(
        case=case.name,
        machine=case.machine,
        kind=case.kind,
        seen=case.seen,
        small=case.small,
        normals=len({c.source for c in table.columns if c.role == "normal"}),
        test_normals=int((~case.anomalous).sum()),
        test_anomalies=int(case.anomalous.sum()),
        candidates=len(table.trials),
        withheld=case.withheld,
        voters=len(voters),
        mechanisms=len({j.mechanism for j in voters}),
        answer=verdict.answer,
        scores={name: np.array(values) for name, values in scores.items()},
        spearman=_correlations(case, judgements, verdict, real),
        wrong=_wrong(case, judgements, real),
        note=case.note,
    )


def _built(case: Case, verdict: Verdict) -> dict[str, Floats]:
    """(test clips,) scores of everything the verdict could build, and of what it does build: ``answer``."""
    place = {trial.id: i for i, trial in enumerate(case.table.trials)}
    order = [place[trial] for trial, _ in verdict.ranking]
    forms: dict[str, Floats] = {}
    if case.table.default is not None:
        forms["default"] = case.test[place[case.table.default]]
    if order:
        top, panel = order[: constants().top], [place[trial] for trial in verdict.panel]
        extended, tests = _extended(case)
        forms["single"] = case.test[order[0]]
        forms["fusion"] = fused(extended, top)[tests]
        forms["hedged"] = hedged(extended, top, panel)[tests]
    if verdict.form in forms:
        forms["answer"] = forms[verdict.form]
    return forms


def _extended(case: Case) -> tuple[ScoreTable, slice]:
    """Held-out normal clips, by which scores are standardised, and the test clips after them."""
    normal = normal_places(case.table)
    columns = tuple(case.table.columns[i] for i in normal) + tuple(
        Column(
            clip=f"test {i}", repeat=LEFT_OUT, fold=0, source=f"test {i}", target_domain=None, role="anomaly", chain=""
        )
        for i in range(case.test.shape[1])
    )
    scores = np.hstack([case.table.scores[:, normal], case.test])
    return replace(case.table, columns=columns, scores=scores, exams=()), slice(len(normal), None)


def _alone(case: Case, judgements: Sequence[Judgement]) -> dict[str, Floats]:
    """(test clips,) scores of what every other rule would choose."""
    worths = surrogates(case.table, judgements)
    return {f"{name} alone": case.test[int(np.argmax(worth))] for name, worth in worths.items()}


def _families(judgements: Sequence[Judgement]) -> list[int]:
    """What each family that tells anything would choose alone."""
    return [int(np.argmax(j.value)) for j in judgements if j.weight > 0]


def _on_split(
    case: Case, choices: Mapping[str, Floats], families: Sequence[int], chooses: Places, judges: Places
) -> dict[str, float]:
    anomalous, target = case.anomalous[judges], case.target[judges]
    candidates = official(case.test[:, judges], anomalous, target)
    real = {name: float(official(scores[judges], anomalous, target)) for name, scores in choices.items()}
    asked = official(case.test[:, chooses], case.anomalous[chooses], case.target[chooses])
    # Candidates that tie on the choosing half are one lottery, not the first one's luck.
    best = candidates[asked >= asked.max() - 1e-12].mean()
    if families:
        real["one family alone"] = float(candidates[list(families)].mean())
    return real | {
        "random": float(candidates.mean()),
        "cross-fit oracle": float(best),
        "in-sample oracle": float(candidates.max()),
    }


def _correlations(case: Case, judgements: Sequence[Judgement], verdict: Verdict, real: Floats) -> dict[str, float]:
    found: dict[str, float] = {}
    if verdict.ranking:
        counts = dict(verdict.ranking)
        found["Borda"] = spearman(np.array([-counts[trial.id] for trial in case.table.trials]), real)
    voters = [j for j in judgements if j.weight > 0]
    if voters:
        found["one family"] = float(np.mean([spearman(j.value, real) for j in voters]))
    return found | {name: spearman(worth, real) for name, worth in surrogates(case.table, judgements).items()}


def spearman(one: Floats, other: Floats) -> float:
    """Rank correlation; 0 where one of them does not tell any apart."""
    a, b = rankdata(one) - (len(one) + 1) / 2, rankdata(other) - (len(other) + 1) / 2
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 0 else 0.0


def _wrong(case: Case, judgements: Sequence[Judgement], real: Floats) -> dict[str, Wrong]:
    """The procedure with the least fitting mechanisms alone: one, three, and as many as may be selected with.

    Which those are the real labels say, by rank correlation: no prior that is as short can be more wrong. As many as
    may be selected with are no wrong prior where their mean agreement is above zero; they are left out there.
    """
    agreement: dict[str, float] = {}
    for mechanism in sorted({j.mechanism for j in judgements if j.weight > 0}):
        agreement[mechanism] = float(
            np.mean([spearman(j.value, real) for j in of(judgements, [mechanism]) if j.weight > 0])
        )
    order = sorted(agreement, key=lambda mechanism: agreement[mechanism])
    priors = {name: order[:count] for name, count in WRONG.items() if len(order) >= count}
    for count in range(constants().least_mechanisms, len(order) + 1):
        if sum(j.weight > 0 for j in of(judgements, order[:count])) >= constants().least_families:
            priors["wrong many"] = order[:count]
            break
    found = {}
    random = float(real.mean())
    for name, mechanisms in priors.items():
        left = of(judgements, mechanisms)
        voters = [j for j in left if j.weight > 0]
        fits = float(np.mean([spearman(j.value, real) for j in voters]))
        if name not in WRONG and fits > 0:
            continue
        others = sorted({j.mechanism for j in judgements} - set(mechanisms))
        verdict = decide(without(case.table, others), left)
        built = _built(case, verdict).get("answer")
        score = float("nan") if built is None else float(official(built, case.anomalous, case.target))
        found[name] = Wrong(
            mechanisms=len(mechanisms),
            families=len(voters),
            agreement=fits,
            answer=verdict.answer,
            gain=score - random,
        )
    return found
