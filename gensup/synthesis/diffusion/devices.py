"""Which devices torch finds here, and which numbers each of them computes with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gensup.errors import GensupError

_WIDEST = 0.05  # of the largest value: how far bfloat16 may be from float32 in a small convolution
_CPU = {"bfloat16": ("avx512_bf16", "amx_bf16", "bf16"), "float16": ("avx512_fp16", "amx_fp16", "fp16_arith")}


def described() -> str:
    """Every device, e.g. "cpu (AVX2, 2 threads), cuda:0 NVIDIA H200 (139 GiB)"."""
    import torch

    found = [f"cpu ({torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        its = torch.cuda.get_device_properties(index)
        found.append(f"cuda:{index} {its.name} ({its.total_memory / 2**30:.0f} GiB)")
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(found)


def free_bytes(device: str) -> int | None:
    """Memory of a GPU that nobody holds; None for other devices."""
    import torch

    return int(torch.cuda.mem_get_info(device)[0]) if torch.device(device).type == "cuda" else None


def computes(device: str, dtype: str) -> str:
    """How a device computes in a dtype: "in hardware", or "emulated", which saves memory and costs time.

    Raises:
        GensupError: it does not, or not rightly.
    """
    import torch

    kind = getattr(torch, dtype)
    images = torch.linspace(-1, 1, 8 * 16 * 16).reshape(1, 8, 16, 16)
    kernels = torch.linspace(-1, 1, 8 * 8 * 3 * 3).reshape(8, 8, 3, 3)
    truth = torch.nn.functional.conv2d(images, kernels)
    try:
        found = torch.nn.functional.conv2d(images.to(device, kind), kernels.to(device, kind)).float().cpu()
    except (RuntimeError, TypeError) as error:
        value = str(error).partition("\n")[0]
        raise GensupError(f"does not compute in {dtype}", where=device, value=value, remedy="another dtype") from None
    if not bool(((found - truth).abs() <= _WIDEST * truth.abs().max()).all()):
        raise GensupError(
            f"computes wrongly in {dtype}", where=device, remedy="another dtype, or another build of torch"
        )
    return "in hardware" if dtype == "float32" or _native(torch.device(device).type, dtype) else "emulated"


def _native(kind: str, dtype: str) -> bool:
    import torch

    if kind == "cuda":
        return dtype == "float16" or torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "cpu":
        asked: Callable[[], Mapping[str, object]] = getattr(torch.cpu, "get_capabilities", dict)  # not in every version
        able = asked()
        return any(bool(able.get(name)) for name in _CPU[dtype])
    return True
