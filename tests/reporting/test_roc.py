"""ROC curves against scikit-learn's, and what is said of them."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from gensup.metrics import auc
from gensup.reporting.roc import at, curve, roc


def drawn(decimals: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return np.round(rng.normal(size=40), decimals), np.round(rng.normal(1, 1, size=25), decimals)


@pytest.mark.parametrize("decimals", [9, 0])  # without ties, and with many
def test_corners_are_scikit_learns(decimals: int) -> None:
    normal, anomaly = drawn(decimals)
    labels, scores = np.repeat([0, 1], [40, 25]), np.concatenate([normal, anomaly])
    expected = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve(normal, anomaly), expected[:2])
    alarms, found = curve(normal, anomaly)
    assert np.trapezoid(found, alarms) == pytest.approx(roc_auc_score(labels, scores)) == auc(normal, anomaly)


def test_a_rate_is_the_best_that_a_threshold_reaches() -> None:
    alarms, found = curve(np.array([0.0, 1, 2, 3]), np.array([2.5, 4]))
    assert [at(alarms, found, rate) for rate in (0.0, 0.25, 0.4, 1.0)] == [0.5, 1.0, 1.0, 1.0]
    tied = curve(np.array([1.0, 1]), np.array([1.0]))
    assert at(*tied, 0.3) == pytest.approx(0.3)


def test_it_is_drawn_and_said() -> None:
    normal, anomaly = drawn(9)
    picture = roc([("built", normal, anomaly), ("default", normal, normal + 1e-3)], 0.1)
    assert "up to 20%" in picture.alt
    expected = float(np.mean(anomaly > np.sort(normal)[-3]))  # 2 of 40 false alarms are 5 %
    assert re.search(rf"built finds \d+% at 1%, {expected:.0%} at 5%, ", picture.alt)
    root = ElementTree.fromstring(unquote(picture.uri.partition(",")[2]))
    lines = [e for e in root.iter() if e.tag.endswith("polyline") and "2.2" in (e.get("style") or "")]
    assert len(lines) == 4  # two curves, and what they are called by
