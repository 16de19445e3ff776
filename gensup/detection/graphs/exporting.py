"""A graph of torch to the bytes of an ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gensup.errors import GensupError

if TYPE_CHECKING:
    from torch import nn

OPSET = 18
INPUT, OUTPUT = "waveform", "score"
MOST = 2**31 - 1  # bytes of a protobuf message
INSTALL = "pip install 'gensup[export]'"


def check_installed() -> None:
    """GensupError when torch's exporter lacks what it is made of."""
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise GensupError(
            "the ONNX exporter is not installed", value=f"without {' and '.join(missing)}", remedy=INSTALL
        )


def exported(graph: nn.Module, samples: int, said: Mapping[str, str]) -> bytes:
    """The ONNX model of ``graph``, (1, samples) single precision -> (1,) double precision.

    Args:
        said: the model's metadata.

    Raises:
        GensupError: the exporter is not installed or fails, or the model is larger than a file of ONNX may be.
    """
    check_installed()
    import torch

    with _quiet():
        try:
            program = torch.onnx.export(
                graph, (torch.zeros(1, samples),), input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET,
                dynamo=True, verbose=False,
            )  # fmt: skip
        except torch.onnx.errors.OnnxExporterError as error:
            cause = error.__cause__ or error
            lines = str(cause).strip().splitlines()
            raise GensupError(
                "torch could not export this detector",
                value=f"{type(cause).__name__}: {lines[0] if lines else ''}"[:200],
                remedy="score with `gensup score`",
            ) from error
    assert program is not None
    model = program.model_proto
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]  # where in which source a node was made
    for part in (*model.graph.input, *model.graph.output):
        del part.metadata_props[:]
    for name, value in said.items():
        model.metadata_props.add(key=name, value=value)
    model.producer_name = "gensup"
    if model.ByteSize() > MOST:
        raise GensupError(
            "the model is too large for one ONNX file",
            value=f"{model.ByteSize() / 2**30:.1f} GB",
            rule="less than 2 GB",
            remedy="score with `gensup score`",
        )
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on packages that no part uses."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
