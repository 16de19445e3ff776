"""The sweep's benchmark: all three ways give the same scores, and a difference does not pass."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import twfr_sweep
from benchmarks.twfr_sweep import Clips, Peak, difference, found, main, rendered, stages, swept
from gensup.detection.backends.gmm import Gmm
from gensup.engine import Inline
from gensup.errors import GensupError


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return rendered(tmp_path_factory.mktemp("clips"), normals=16, queries=6, seconds=1.0)


@pytest.fixture(autouse=True)
def _few_decays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twfr_sweep, "DECAYS", (0.0, 0.9, 1.0))


def test_all_three_ways_agree(clips: Clips, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(clips.normals[0].parents[1]), "--normals", "16", "--queries", "6", "--rounds", "1"])
    said = capsys.readouterr().out
    for part in ("16 normals, 6 queries, 12 grid points", "(a) as published", "k-means", "log-mel", "peak MiB"):
        assert part in said


def test_other_scores_do_not_pass(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Gmm.sweep.__func__
    monkeypatch.setattr(Gmm, "sweep", classmethod(lambda *arguments: right(*arguments) * 1.0001))
    with pytest.raises(GensupError, match="scores differ"):
        twfr_sweep.compare(clips, rounds=1, workers=1)


def test_half_of_the_rendered_queries_are_anomalies(clips: Clips) -> None:
    assert (len(clips.normals), len(clips.queries)) == (16, 6)
    assert all("train_normal" in path.name for path in clips.normals)
    assert sum("anomaly" in path.name for path in clips.queries) == 3


def test_a_folder_that_holds_too_few(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="too few clips"):
        found(tmp_path, 1, 1)


def test_stages_do_not_count_each_other(clips: Clips) -> None:
    with stages() as spent:
        swept(clips, Inline())
    assert set(spent) == {"read + decode", "log-mel", "sort + product", "k-means", "EM", "score"}
    assert all(seconds > 0 for seconds in spent.values())
    assert not hasattr(twfr_sweep.LogMel.tokens, "__wrapped__")


def test_difference_is_relative_where_scores_are_large() -> None:
    assert difference(np.array([0.1, 2000.0]), np.array([0.0, 1000.0])) == 1.0
    assert difference(np.array([0.1]), np.array([0.0])) == pytest.approx(0.1)


@pytest.mark.filterwarnings("error")
def test_memory_is_seen() -> None:
    with Peak() as peak:
        block = np.ones(40 * 2**20 // 8)
        os.sched_yield()
        twfr_sweep.time.sleep(0.12)
    assert peak.value > block.nbytes
