"""The doctor on text-to-audio checkpoints: whole ones, and each with one thing wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from gensup.cli.app import app
from gensup.errors import GensupError
from gensup.steps.doctor import Check
from gensup.steps.doctor_generator import generator_checks
from tests.support.tiny_diffusion import save_tiny

FAMILIES = ("audioldm", "audioldm2")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {family: save_tiny(folder / family, family) for family in FAMILIES}  # type: ignore[arg-type]


@pytest.fixture
def copy(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints["audioldm"], tmp_path / "copy")


def looked(model: Path | str, family: str | None = "audioldm", **how: Any) -> dict[str, Check]:
    return {check.name: check for check in generator_checks(family, str(model), device="cpu", **how)}


def scaled(path: Path, part: str, by: float) -> None:
    """The weights whose names begin so, times a number."""
    weights = load_file(path)
    save_file(
        {name: weight * by if name.startswith(part) else weight for name, weight in weights.items()},
        path,
        metadata={"format": "pt"},
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_checkpoint_makes_sound(checkpoints: dict[str, Path], family: str) -> None:
    found = looked(checkpoints[family], family)
    assert [check for check in found.values() if not check.ok] == []
    assert family in found["checkpoint"].found
    assert found["licence"].found == "cc-by-nc-sa-4.0"
    assert "16000 Hz, hop 160, 64 mel bins" in found["grid"].found
    assert "10 s as 10.24" in found["grid"].found
    assert "77 for CLAP" in found["tokens"].found
    assert ("512 for T5" in found["tokens"].found) == (family == "audioldm2")
    assert found["sound"].found.startswith("20480 samples")  # 1 s in steps of 4 x 8 frames of 10 ms


def test_parts_are_counted_from_the_files(checkpoints: dict[str, Path]) -> None:
    weights = load_file(checkpoints["audioldm"] / "vae" / "diffusion_pytorch_model.safetensors")
    count = sum(weight.numel() for weight in weights.values())
    assert f"vae {count / 1e3:.1f} k" in looked(checkpoints["audioldm"])["parts"].found


def test_another_family(checkpoints: dict[str, Path]) -> None:
    found = looked(checkpoints["audioldm"], "audioldm2")
    assert "--generator audioldm" in found["checkpoint"].found
    assert found["a step"].found.startswith("not tried")
    assert found["dtypes"].ok


def test_any_family_where_none_is_named(checkpoints: dict[str, Path]) -> None:
    assert looked(checkpoints["audioldm2"], None)["checkpoint"].ok


def test_a_file_that_broke_off(copy: Path) -> None:
    file = copy / "vocoder" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    assert "fetch it again" in looked(copy)["checkpoint"].found


def test_a_configuration_without_a_number(copy: Path) -> None:
    path = copy / "vocoder" / "config.json"
    row = json.loads(path.read_text())
    del row["sampling_rate"]
    path.write_text(json.dumps(row))
    found = looked(copy)
    assert "sampling_rate" in found["grid"].found
    assert not found["sound"].ok


def test_a_unet_that_overflows(copy: Path) -> None:
    scaled(copy / "unet" / "diffusion_pytorch_model.safetensors", "conv_out", 1e7)
    assert "bfloat16" in looked(copy, dtype="float16")["a step"].found
    assert looked(copy, dtype="float32")["a step"].ok


def test_a_vae_that_is_not_finite(copy: Path) -> None:
    scaled(copy / "vae" / "diffusion_pytorch_model.safetensors", "decoder.conv_out", float("nan"))
    found = looked(copy)
    assert found["a step"].ok
    assert "not finite" in found["sound"].found
    assert found["a recording"].ok


def test_what_the_libraries_raise_is_no_traceback(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error:\n out of memory")

    monkeypatch.setattr("gensup.steps.doctor_generator.denoise", fails)
    found = looked(checkpoints["audioldm"])["a step"]
    assert not found.ok
    assert found.found.startswith("RuntimeError: CUDA error: out of memory; another dtype")


@pytest.mark.parametrize(("how", "said"), [({"dtype": "float8"}, "float8"), ({"device": "toaster"}, "toaster")])
def test_settings_that_make_no_sense(checkpoints: dict[str, Path], how: dict[str, str], said: str) -> None:
    checks = list(generator_checks("audioldm", str(checkpoints["audioldm"]), **how))
    failed = next(check for check in checks if not check.ok)
    assert failed.name == "device"
    assert said in failed.found


def test_the_command(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    words = ["doctor", "--generator", "audioldm", "--offline", "--device", "cpu", "--json", "--model"]
    done = CliRunner().invoke(app, [*words, str(checkpoints["audioldm"])])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ok"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "no such folder" in done.stdout


def test_a_generator_without_a_model() -> None:
    done = CliRunner().invoke(app, ["doctor", "--generator", "audioldm"])
    assert isinstance(done.exception, GensupError)
    assert "--model" in str(done.exception)
