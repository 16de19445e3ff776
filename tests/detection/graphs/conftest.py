"""The frontends' folder of weights."""

from __future__ import annotations

from tests.detection.frontends.conftest import forget, means, weights

__all__ = ["forget", "means", "weights"]
