"""An ONNX model on one clip, by whatever runs one here; nothing of torch."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from gensup.detection.graphs.exporting import INPUT, INSTALL
from gensup.errors import GensupError


def scored(model: bytes, clip: NDArray[np.float32]) -> tuple[float, str]:
    """The score of ``clip`` (1, samples), and what computed it.

    Raises:
        GensupError: nothing here runs ONNX, or it cannot run this.
    """
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors: they are raised as well
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            (found,) = session.run(None, {INPUT: clip})
        except Exception as error:  # of onnxruntime's own kinds, which have nothing in common
            raise _failed("onnxruntime", error) from error
        return float(found[0]), f"onnxruntime {onnxruntime.__version__}"
    if find_spec("onnx") is not None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        try:
            (found,) = ReferenceEvaluator(onnx.load_from_string(model)).run(None, {INPUT: clip})
        except Exception as error:  # of whatever its many operators raise
            raise _failed("onnx", error) from error
        return float(found[0]), f"onnx {onnx.__version__}"
    raise GensupError("nothing here runs ONNX", value="without onnxruntime and onnx", remedy=INSTALL)


def _failed(name: str, error: Exception) -> GensupError:
    lines = str(error).strip().splitlines()
    return GensupError(f"{name} cannot run the model", value=(lines[0] if lines else type(error).__name__)[:200])
