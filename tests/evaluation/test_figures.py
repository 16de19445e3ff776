"""Figures against scikit-learn and simulation: what is not defined is None."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import hmean
from sklearn.metrics import roc_auc_score

from gensup.evaluation.figures import Labels, count, hanley_mcneil, measure, undefined


def labels(*sections: tuple[str, int, int, int, int]) -> Labels:
    """From (name, source normals, target normals, normals of no said domain, anomalies), anomalies of both domains."""
    section, target, anomaly = [], [], []
    for name, source, of_target, unsaid, anomalies in sections:
        section += [name] * (source + of_target + unsaid + anomalies)
        target += [False] * source + [True] * of_target + [None] * unsaid + [bool(i % 2) for i in range(anomalies)]
        anomaly += [False] * (source + of_target + unsaid) + [True] * anomalies
    return Labels(section=tuple(section), target_domain=tuple(target), anomaly=tuple(anomaly))


def draw(of: Labels, rows: int = 3) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.normal(size=(rows, len(of))).round(1) + 0.8 * np.array(of.anomaly)


def test_a_section_as_the_evaluators_see_it() -> None:
    of = labels(("00", 30, 9, 0, 17), ("02", 12, 14, 0, 23))
    scores = draw(of)
    anomaly, section = np.array(of.anomaly), np.array(of.section)
    target = np.array([domain is True for domain in of.target_domain])
    for row, found in zip(scores, measure(of, scores), strict=True):
        parts = []
        for name, figures in found.sections.items():
            here = section == name
            near = here & (anomaly | ~target)  # source normals against the anomalies of both domains
            far = here & (anomaly | target)
            wanted = [
                roc_auc_score(anomaly[near], row[near]),
                roc_auc_score(anomaly[far], row[far]),
                roc_auc_score(anomaly[here], row[here], max_fpr=0.1),
            ]
            assert [figures.auc_source, figures.auc_target, figures.pauc] == pytest.approx(wanted, abs=1e-12)
            assert figures.auc == pytest.approx(roc_auc_score(anomaly[here], row[here]), abs=1e-12)
            assert figures.official == pytest.approx(hmean(wanted), abs=1e-12)
            parts += wanted
        assert found.overall.official == pytest.approx(hmean(parts), abs=1e-12)
        assert found.overall.auc == pytest.approx(hmean([f.auc for f in found.sections.values()]), abs=1e-12)
    assert undefined(count(of)) == ()


def test_without_a_domain_it_is_auc_and_pauc() -> None:
    of = labels(("", 0, 0, 20, 10))
    for found in measure(of, draw(of)):
        overall = found.overall
        assert (overall.auc_source, overall.auc_target) == (None, None)
        assert overall.official == pytest.approx(hmean([overall.auc, overall.pauc]), abs=1e-12)
    (why,) = undefined(count(of))
    assert "AUC and pAUC alone" in why


def test_a_domain_without_normal_clips_is_not_defined_and_said() -> None:
    of = labels(("00", 8, 4, 0, 5), ("01", 8, 0, 3, 5))
    (found, *_) = measure(of, draw(of))
    assert found.sections["00"].official is not None
    assert (found.sections["01"].auc_target, found.sections["01"].official) == (None, None)
    assert (found.overall.auc_target, found.overall.official) == (None, None)
    assert found.overall.auc_source is not None
    (why,) = undefined(count(of))
    assert why.startswith("AUC target and the official score are not defined")
    assert why.endswith("section 01")


def test_a_section_of_one_condition_counts_for_nothing_and_is_said() -> None:
    both = labels(("00", 8, 4, 0, 5), ("01", 9, 2, 0, 0))
    alone = labels(("00", 8, 4, 0, 5))
    scores = draw(both)
    with_it, without = measure(both, scores), measure(alone, scores[:, : len(alone)])
    assert with_it == without
    assert undefined(count(both)) == ("section 01 says nothing: 11 normal and 0 anomalous clips",)
    nothing = labels(("00", 3, 0, 0, 0))
    assert set(asdict(measure(nothing, draw(nothing))[0].overall).values()) == {None}


def test_counts() -> None:
    first, second = count(labels(("02", 1, 2, 3, 4), ("00", 5, 0, 0, 0)))
    assert (first.section, first.normal, first.tells) == ("00", 5, False)
    assert (second.source, second.target, second.unsaid, second.anomaly, second.tells) == (1, 2, 3, 4, True)


def test_the_standard_error_in_the_paper() -> None:
    """The paper's example: 58 normal and 51 abnormal images, an area of .893 and a standard error of .032."""
    assert float(hanley_mcneil(0.893, 58, 51)) == pytest.approx(0.032, abs=6e-4)


@pytest.mark.parametrize(("normal", "anomaly", "area"), [(50, 50, 0.7), (10, 40, 0.85), (40, 8, 0.6)])
def test_the_standard_error_is_exact_for_exponential_scores(normal: int, anomaly: int, area: float) -> None:
    rng = np.random.default_rng(1)
    draws = 20_000
    low = rng.exponential(size=(draws, normal, 1))
    high = rng.exponential(area / (1 - area), size=(draws, 1, anomaly))
    areas = np.concatenate([(high[i : i + 1000] > low[i : i + 1000]).mean(axis=(1, 2)) for i in range(0, draws, 1000)])
    assert areas.mean() == pytest.approx(area, abs=0.005)
    assert float(hanley_mcneil(area, normal, anomaly)) == pytest.approx(areas.std(), rel=0.03)


def test_no_standard_error_where_the_formula_claims_certainty() -> None:
    assert np.isnan(hanley_mcneil([0.0, 1.0], 5, 5)).all()
    assert np.isnan(hanley_mcneil(0.5, 0, 5))


def test_the_error_over_sections() -> None:
    """One section carries its own error; of k like sections the mean has 1/sqrt(k) of it."""
    one = labels(("00", 30, 9, 0, 17))
    scores = draw(one)
    for found in measure(one, scores):
        area = found.overall.auc
        assert area is not None
        assert found.overall.auc_error == pytest.approx(float(hanley_mcneil(area, 39, 17)), rel=1e-12)
    four = labels(*((name, 30, 9, 0, 17) for name in ("00", "01", "02", "03")))
    for single, several in zip(measure(one, scores), measure(four, np.tile(scores, 4)), strict=True):
        assert several.overall.auc == pytest.approx(single.overall.auc)
        assert several.overall.auc_error == pytest.approx(single.overall.auc_error / 2, rel=1e-12)
