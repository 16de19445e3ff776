"""The benchmark of neighbours: both sides agree, and a wrong one is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import backends


def test_rows_and_page(tmp_path: Path) -> None:
    backends.main(["--bank", "300", "--queries", "40", "--dim", "24", "--out", str(tmp_path)])
    text = (tmp_path / "backends.md").read_text()
    assert "40 queries by 300 normal vectors of 24 numbers" in text
    assert text.count("| kNN") == 4
    assert text.count("| local density") == 2


def test_other_scores_are_noticed() -> None:
    with pytest.raises(ValueError, match="differ"):
        backends._row("kNN", lambda: np.ones(3), lambda: np.ones(3) * 1.01)
