"""How many CPUs are ours, which is not how many there are."""

from __future__ import annotations

import os
from pathlib import Path


def default_workers() -> int:
    """CPUs that this process may use: its affinity mask, and its control group's quota where there is one."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, quota(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")) or available)


def quota(root: Path, membership: Path) -> int | None:
    """CPUs that control groups (version 2) grant, rounded down but at least 1; None where they set no limit.

    The tightest of the process's group and the groups above it holds.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    group = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    here = root / group
    granted = []
    for folder in (here, *here.parents):
        try:
            allowed, period = (folder / "cpu.max").read_text().split()
            granted.append(max(1, int(allowed) // int(period)))
        except (OSError, ValueError):
            continue  # no such file here, or it says "max": no limit at this level
    return min(granted, default=None)
