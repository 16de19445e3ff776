"""Official scores of small challenges: against scikit-learn and scipy, and each quirk by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import hmean
from sklearn.metrics import confusion_matrix, roc_auc_score

from gensup.evaluation.conventions import CONVENTIONS, conventions
from gensup.evaluation.official import Official, evaluate
from gensup.evaluation.teams import read_team
from gensup.evaluation.truth import read_truth
from tests.evaluation.challenge import Challenge, Clip, clips, drawn, write

EPSILON = np.finfo(float).eps


def scored(folder: Path, year: int, challenge: Challenge, as_published: bool = True) -> Official:
    truth, team = write(folder, year, challenge)
    rules = conventions(year)
    return evaluate(read_team(team, read_truth(truth, rules), rules), rules, as_published=as_published)


def area(normal: Sequence[Clip], anomaly: Sequence[Clip], max_fpr: float | None = None) -> float:
    members = [*normal, *anomaly]
    return float(roc_auc_score([c.anomaly for c in members], [c.score for c in members], max_fpr=max_fpr))


def decided(own: Sequence[Clip]) -> list[float]:
    _, fp, fn, tp = confusion_matrix([c.anomaly for c in own], [c.alarm for c in own], labels=[0, 1]).ravel()
    precision, recall = tp / max(tp + fp, EPSILON), tp / max(tp + fn, EPSILON)
    return [precision, recall, 2 * precision * recall / max(precision + recall, EPSILON)]


def side(members: Sequence[Clip], target: int, year: int) -> list[float]:
    """AUC, pAUC, precision, recall, F1 of one domain, as the year has them."""
    own = [c for c in members if c.target == target]
    normal = [c for c in own if not c.anomaly]
    if year == 2021:
        anomaly = [c for c in own if c.anomaly]
        return [area(normal, anomaly), area(normal, anomaly, 0.1), *decided(own)]
    anomaly = [c for c in members if c.anomaly]
    return [area(normal, anomaly), area([c for c in members if not c.anomaly], anomaly, 0.1), *decided(own)]


@pytest.mark.parametrize("year", [2021, 2022, 2023, 2024, 2025])
@pytest.mark.parametrize("sections", [("00",), ("03", "04", "05")])
def test_against_other_libraries(tmp_path: Path, year: int, sections: tuple[str, ...]) -> None:
    machines = ("7thMachine", "a_b", "fan")
    challenge = drawn(machines, sections, seed=year)
    found = scored(tmp_path, year, challenge, as_published=False)
    tables = {}
    for machine in machines:
        source, target = (np.array([side(challenge[machine, s], t, year) for s in sections]) for t in (0, 1))
        tables[machine] = source, target
        both = np.concatenate([source, target])
        for mean, of in {
            "arithmetic mean": both.mean(axis=0),
            "harmonic mean": hmean(np.maximum(both, EPSILON), axis=0),
            "source harmonic mean": hmean(np.maximum(source, EPSILON), axis=0),
            "target harmonic mean": hmean(np.maximum(target, EPSILON), axis=0),
        }.items():
            assert found.summary[machine][mean] == pytest.approx(of.tolist(), abs=1e-12), (machine, mean)
        for row, section in enumerate(sections):
            printed = found.machines[machine][section]
            if year == 2021:
                for at, domain in enumerate(("source", "target")):
                    assert list(printed[at]) == ["domain", "AUC", "pAUC", "precision", "recall", "F1 score"]
                    assert printed[at]["domain"] == domain
                    assert list(printed[at].values())[1:] == pytest.approx(tables[machine][at][row].tolist(), abs=1e-12)
            else:
                values = dict(printed[0])
                members = challenge[machine, section]
                assert values["AUC (all)"] == pytest.approx(
                    area([c for c in members if not c.anomaly], [c for c in members if c.anomaly]), abs=1e-12
                )
                for at, domain in enumerate(("source", "target")):
                    named = [values[f"{n} ({domain})"] for n in ("AUC", "precision", "recall", "F1 score")]
                    assert named == pytest.approx(np.delete(tables[machine][at][row], 1).tolist(), abs=1e-12)
                assert values["pAUC"] == pytest.approx(source[row][1], abs=1e-12)
    every_source = np.concatenate([source for source, _ in tables.values()])
    every_target = np.concatenate([target for _, target in tables.values()])
    suffix = " over all machine types, sections, and domains"
    over_all = found.summary["ALL"]
    assert over_all[f"source harmonic mean{suffix}"] == pytest.approx(
        hmean(np.maximum(every_source, EPSILON)), abs=1e-12
    )
    assert over_all[f"target harmonic mean{suffix}"] == pytest.approx(
        hmean(np.maximum(every_target, EPSILON)), abs=1e-12
    )
    parts = [every_source[:, :2].ravel(), every_target[:, : 2 if year == 2021 else 1].ravel()]
    assert found.official == pytest.approx(float(hmean(np.maximum(np.concatenate(parts), EPSILON))), abs=1e-12)
    assert (found.jackknife is None) == (year == 2021)
    assert found.undefined == ()


def test_2020_has_averages_only(tmp_path: Path) -> None:
    challenge = drawn(("valve", "ToyCar"), ("01", "03"), seed=3)
    found = scored(tmp_path, 2020, challenge)
    assert list(found.machines) == ["valve", "ToyCar"]  # as the list has them
    rows = []
    for section in ("01", "03"):
        members = challenge["valve", section]
        parts = [c for c in members if not c.anomaly], [c for c in members if c.anomaly]
        rows.append([area(*parts), area(*parts, 0.1)])
        assert dict(found.machines["valve"][section][0]) == pytest.approx({"AUC": rows[-1][0], "pAUC": rows[-1][1]})
    assert found.summary["valve"] == {"Average": pytest.approx(np.mean(rows, axis=0).tolist(), abs=1e-12)}
    assert (found.official, found.jackknife) == (None, None)
    worst = found.worst["valve"]["AUC"]
    assert worst is not None
    assert worst.value == pytest.approx(min(rows)[0])


def test_the_jackknife_of_the_pooled_scores(tmp_path: Path) -> None:
    challenge = drawn(("fan", "pump"), ("00",), seed=5)
    members = [c for of in challenge.values() for c in of]
    n = len(members)
    widths = []
    for max_fpr in (None, 0.1):
        thetas = [
            area(*([c for j, c in enumerate(members) if j != i and c.anomaly == kind] for kind in (0, 1)), max_fpr)
            for i in range(n)
        ]
        widths.append(np.sqrt(np.sum((np.array(thetas) - np.mean(thetas)) ** 2) / (n * (n - 1))))
    from scipy.stats import t

    found = scored(tmp_path, 2024, challenge).jackknife
    assert found is not None
    assert found.published == pytest.approx(float(np.mean(widths) * t.ppf(0.975, n - 1)), rel=1e-10)
    assert found.usual == pytest.approx(found.published * (n - 1), rel=1e-12)


def test_the_anomalies_a_domain_is_compared_with(tmp_path: Path) -> None:
    # The source anomaly is found, the target anomaly is below everything.
    challenge = {("fan", "00"): clips("na", "na", [1.0, 5.0, 2.0, 0.0])}
    own = scored(tmp_path / "own", 2021, challenge).machines["fan"]["00"]
    both = scored(tmp_path / "both", 2022, challenge).machines["fan"]["00"][0]
    assert [row["AUC"] for row in own] == [1.0, 0.0]
    assert [both["AUC (source)"], both["AUC (target)"], both["AUC (all)"]] == [0.5, 0.5, 0.5]


def sections_of(count: int) -> dict[tuple[str, str], list[Clip]]:
    """Two machines; source AUCs of 1 in the first section and 0.5 in the others, target AUCs of 0.5 everywhere."""
    found = {}
    for machine, section in product(("fan", "pump"), range(count)):
        source = 1.0 if section == 0 else 3.0
        found[machine, f"{section:02d}"] = clips(
            "nn", "naa", [source, source, 3.0, 3.0, 3.0], "00110", f"{section:02d}"
        )
    return found


def test_2022_splits_at_half_the_sections(tmp_path: Path) -> None:
    challenge = sections_of(3)
    published = scored(tmp_path / "a", 2022, challenge).summary["fan"]
    right = scored(tmp_path / "b", 2022, challenge, as_published=False).summary["fan"]
    # Six values: source 1, .5, .5 and target .5, .5, .5; 3 // 2 = 1 of them is published as the source's mean.
    assert published["source harmonic mean"][0] == pytest.approx(1)
    assert published["target harmonic mean"][0] == pytest.approx(0.5)
    assert right["source harmonic mean"][0] == pytest.approx(3 / (1 + 2 + 2))
    assert right["target harmonic mean"][0] == pytest.approx(0.5)
    for mean in ("arithmetic mean", "harmonic mean"):
        assert published[mean] == right[mean]


def test_2022_with_one_section_has_no_source_mean(tmp_path: Path) -> None:
    found = scored(tmp_path, 2022, sections_of(1))
    assert found.summary["fan"]["source harmonic mean"] == (None,) * 5
    assert found.summary["fan"]["target harmonic mean"][0] == pytest.approx(2 / 3)  # of 1 and .5, both domains
    assert any("at half the sections" in sentence for sentence in found.undefined)


def test_2021_splits_at_half_the_machines(tmp_path: Path) -> None:
    challenge = {
        (machine, section): clips("na", "na", [0.0, 1.0 if section == "00" else 0.0, 0.0, 0.0])
        for machine, section in product(("fan", "pump"), ("00", "01", "02"))
    }
    published = scored(tmp_path / "a", 2021, challenge).summary
    right = scored(tmp_path / "b", 2021, challenge, as_published=False).summary
    # 2 // 2 = 1 row, of the three source rows 1, .5, .5.
    assert published["fan"]["source harmonic mean"][0] == pytest.approx(1)
    assert right["fan"]["source harmonic mean"][0] == pytest.approx(3 / 5)
    assert published["ALL"] == right["ALL"]


@pytest.mark.parametrize("year", [2023, 2024, 2025])
def test_later_years_are_the_same_either_way(tmp_path: Path, year: int) -> None:
    challenge = drawn(("fan",), ("00", "01", "02"), seed=8)
    published, right = (scored(tmp_path / str(flag), year, challenge, flag) for flag in (True, False))
    assert (published.summary, published.official, published.jackknife) == (
        right.summary,
        right.official,
        right.jackknife,
    )


def test_a_zero_makes_the_mean_about_zero(tmp_path: Path) -> None:
    found = scored(tmp_path, 2024, {("fan", "00"): clips("na", "na", [1.0, 0.0, 1.0, 0.0])})
    assert found.official == pytest.approx(3 / (2 / EPSILON + 1 / (0.5 * (1 - 0.005 / 0.095))), rel=1e-9)
    assert any("are 0 and count as 2.2e-16" in note for note in found.notes)


def test_a_section_of_one_kind_is_not_defined(tmp_path: Path) -> None:
    challenge = {
        ("fan", "00"): clips("nn", "nn", [0.1, 0.2, 0.3, 0.4], "0101"),
        ("pump", "00"): clips("na", "na", [0.1, 0.2, 0.3, 0.4], "0101"),
    }
    found = scored(tmp_path, 2024, challenge)
    row = found.machines["fan"]["00"][0]
    assert [row[name] for name in ("AUC (all)", "AUC (source)", "AUC (target)", "pAUC")] == [None] * 4
    assert found.official is None
    assert found.summary["fan"]["arithmetic mean"][:2] == (None, None)
    assert found.summary["pump"]["arithmetic mean"][0] is not None
    assert found.worst["fan"] == {"AUC (all)": None, "AUC (source)": None, "AUC (target)": None}
    assert set(found.mean_worst.values()) == {None}
    said = "\n".join(found.undefined)
    assert "AUC (source) of fan 00 is not defined: 2 normal and 0 anomalous clips" in said
    assert "the official score is not defined" in said


def test_a_domain_without_normal_clips_is_not_defined(tmp_path: Path) -> None:
    found = scored(tmp_path, 2023, {("fan", "00"): clips("nna", "a", [0.1, 0.2, 0.3, 0.4], "0011")})
    row = found.machines["fan"]["00"][0]
    assert row["AUC (source)"] == 1
    assert row["AUC (target)"] is None
    assert (row["precision (target)"], row["recall (target)"]) == (1, 1)
    assert found.official is None


def test_a_domain_without_clips_has_no_decisions(tmp_path: Path) -> None:
    found = scored(tmp_path, 2023, {("fan", "00"): clips("nna", "", [0.1, 0.2, 0.3], "001")})
    assert found.machines["fan"]["00"][0]["F1 score (target)"] is None
    assert found.machines["fan"]["00"][0]["F1 score (source)"] == 1


def test_nothing_flagged_is_said(tmp_path: Path) -> None:
    found = scored(tmp_path, 2022, {("fan", "03"): clips("na", "na", [0.1, 0.2, 0.3, 0.4])})
    assert found.machines["fan"]["03"][0]["precision (source)"] == 0
    assert any("0 of 0 clips flagged" in sentence for sentence in found.undefined)


def test_one_clip_of_a_kind_has_no_jackknife(tmp_path: Path) -> None:
    found = scored(tmp_path, 2022, {("fan", "03"): clips("na", "n", [0.1, 0.2, 0.3])})
    assert found.jackknife is None
    assert any("jackknife" in sentence for sentence in found.undefined)


def test_the_worst_section(tmp_path: Path) -> None:
    challenge = {
        ("fan", "00"): clips("na", "na", [0.0, 1.0, 0.0, 1.0]),
        ("fan", "01"): clips("na", "na", [0.0, 1.0, 2.0, 1.0], section="01"),
        ("pump", "00"): clips("na", "na", [0.0, 1.0, 0.0, 1.0]),
    }
    found = scored(tmp_path, 2022, challenge)
    worst = {column: (w.section, w.value) for column, w in found.worst["fan"].items() if w}
    assert worst == {"AUC (all)": ("01", 0.5), "AUC (source)": ("00", 1.0), "AUC (target)": ("01", 0.0)}
    assert found.mean_worst == {"AUC (all)": 0.75, "AUC (source)": 1.0, "AUC (target)": 0.5}
    by_domain = scored(tmp_path / "2021", 2021, challenge)
    assert by_domain.mean_worst == {"AUC (source)": 1.0, "AUC (target)": 0.5}


def test_every_year_explains_its_quirks() -> None:
    assert sorted(CONVENTIONS) == [2020, 2021, 2022, 2023, 2024, 2025]
    for rules in CONVENTIONS.values():
        assert rules.quirks
        assert all(quirk.name and len(quirk.what) > 20 for quirk in rules.quirks)
        chosen = [quirk.name for quirk in rules.quirks if quirk.followed == "with --as-published"]
        assert chosen[0] == "pairs by position"
        assert len(chosen) == 1 + (rules.split != "at the domains") + rules.passes_over_missing
    assert math.isclose(EPSILON, 2.220446049250313e-16)
