"""Tasks that workers import by name: they may not stand in a test module, which only pytest can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from gensup.errors import GensupError


def square(x: int) -> int:
    return x * x


def die_once(item: tuple[str, int]) -> int:
    """Killed the first time it is given the item that its marker names."""
    marker, value = Path(item[0]), item[1]
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value


def die_if_negative(x: int) -> int:
    """Kills its worker each time; others take long enough to be in flight beside it."""
    if x < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return x


def fail(kind: str) -> object:
    if kind == "mendable":
        raise GensupError("too loud", where="a.wav", value=object(), rule="below 0 dB", remedy="turn it down")
    if kind == "bug":
        raise ValueError("seven")
    if kind == "exit":
        sys.exit(3)
    if kind == "unpicklable":
        return lambda: None
    if kind == "unreadable":
        return Unreadable()
    return kind


class Unreadable:
    """Leaves its worker well and cannot be unpickled by who receives it."""

    def __reduce__(self) -> tuple[object, ...]:
        return _refuse, ()


def _refuse() -> None:
    if os.environ.get("ENGINE_TASKS_PARENT") == str(os.getpid()):
        raise ValueError("cannot be read here")


def state(_: int) -> tuple[int, int, bool]:
    """Process id, threads of linear algebra, and whether Ctrl-C is left to the parent."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    return os.getpid(), threads, signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def note_and_sleep(item: tuple[str, float]) -> int:
    """Leaves its process id in a folder when it will take long, then takes its time."""
    if item[1] > 1:
        Path(item[0], str(os.getpid())).touch()
    time.sleep(item[1])
    return os.getpid()


def swell(item: bytes) -> bytes:
    """As large an answer as the item."""
    return item[::-1]


def resident(_: int) -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def made_by(item: tuple[Any, Any, Any, int]) -> tuple[list[bytes], int]:
    """The anomalies' bytes of so many makings of one batch, and how often a UNet was loaded for them all."""
    from gensup.synthesis.diffusion import latent

    generator, orders, sources, times = item
    loads = 0
    load = latent.LatentDiffusion._loaded

    def counted(self: Any, part: str, dtype: str) -> Any:
        nonlocal loads
        loads += part == "unet"
        return load(self, part, dtype)

    latent.LatentDiffusion._loaded = counted  # type: ignore[method-assign]
    made = [[twin.anomaly.tobytes() for twin in generator.make(orders, sources)] for _ in range(times)]
    latent.LatentDiffusion._loaded = load  # type: ignore[method-assign]
    if any(one != made[0] for one in made):
        raise AssertionError("other bytes the second time")
    return made[0], loads
