"""What is said of devices is what torch does on them."""

from __future__ import annotations

import pytest
import torch

from gensup.errors import GensupError
from gensup.synthesis.diffusion import devices


def test_the_cpu_is_always_there() -> None:
    assert devices.described().startswith(f"cpu ({torch.backends.cpu.get_cpu_capability()}")
    assert devices.free_bytes("cpu") is None


@pytest.mark.parametrize("able", [True, False])
def test_half_precision_is_in_hardware_where_the_processor_says_so(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able, "bf16": False}, raising=False)
    assert devices.computes("cpu", "float32") == "in hardware"
    assert devices.computes("cpu", "bfloat16") == ("in hardware" if able else "emulated")


def test_what_a_device_computes_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = torch.nn.functional.conv2d

    def wrong(images: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
        return exact(images, kernels) * (1 if images.dtype == torch.float32 else 2)

    monkeypatch.setattr(torch.nn.functional, "conv2d", wrong)
    with pytest.raises(GensupError, match="computes wrongly in bfloat16"):
        devices.computes("cpu", "bfloat16")


def test_a_device_that_cannot_is_refused() -> None:
    with pytest.raises(GensupError, match="does not compute in float16"):
        devices.computes("meta", "float16")  # it holds shapes and no numbers
