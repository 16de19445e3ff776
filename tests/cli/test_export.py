"""gensup export: what it is asked, what it prints; the models themselves are tests/detection/graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gensup.cli.export import command
from gensup.errors import GensupError
from gensup.steps import onnx_file
from gensup.steps.onnx_file import Checked, Exported

DONE = Exported(Path("a.onnx"), Path("a.pair.safetensors"), "fan/00", 16_000, 160_000, 1.5, 2.25, 2.25, "onnxruntime 1")


def test_a_model_and_its_pair(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(onnx_file, "export", lambda *words, **how: (asked.append((words, how)), DONE)[1])
    command(Path("det"), Path("a.onnx"), group="fan/00", seconds=10.0)
    how = {"group": "fan/00", "clip": None, "seconds": 10.0, "weights": None}
    assert asked == [((Path("det"), Path("a.onnx")), how)]
    said = capsys.readouterr().out
    assert "a.onnx: waveform (1, 160000) at 16000 Hz -> score; above 1.5 anomalous\n" in said
    assert "a.pair.safetensors: a clip, 2.25 by gensup, 2.25 by onnxruntime 1\n" in said
    command(Path("det"), Path("a.onnx"), as_json=True)
    assert json.loads(capsys.readouterr().out)["pair"] == "a.pair.safetensors"


def test_a_model_is_checked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(onnx_file, "check_export", lambda path: Checked(path, 2.25, 2.2500001, 1e-3, "onnxruntime 1"))
    command(check=Path("a.onnx"))
    assert capsys.readouterr().out == "a.onnx: 2.2500001 by onnxruntime 1, 2.25 by gensup: they agree\n"
    command(check=Path("a.onnx"), as_json=True)
    assert json.loads(capsys.readouterr().out)["tolerance"] == 1e-3


DET, FILE = Path("det"), Path("a.onnx")


@pytest.mark.parametrize("words", [{}, {"detector": DET}, {"out": FILE}, {"detector": DET, "check": FILE}])
def test_one_thing_is_asked(words: dict[str, Path]) -> None:
    with pytest.raises(GensupError, match="DETECTOR and --out, or --check alone"):
        command(**words)
