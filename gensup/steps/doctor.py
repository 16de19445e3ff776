"""doctor: what is installed here, and whether it works."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from gensup import resources
from gensup.captions import caption, fault_rows
from gensup.clip import Clip
from gensup.detection.recipe import load_all
from gensup.engine import default_workers
from gensup.errors import GensupError
from gensup.synthesis.physical import MECHANISMS

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "soundfile",
    "torch",
    "torchaudio",
    "diffusers",
    "transformers",
    "optuna",
    "peft",
    "ray",
)
OPTIONAL = ("peft", "ray")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the doctor looked at."""

    name: str
    ok: bool
    found: str


def doctor(*, prompts: Path | None = None, detectors_overlay: Path | None = None) -> Iterator[Check]:
    """Look at the installation; nothing is changed and nothing is fetched."""
    yield Check("python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}")
    yield Check("workers", True, f"{default_workers()} of {os.cpu_count()} cores")
    for package in PACKAGES:
        yield _package(package)
    yield _tried("prompts", lambda: _prompts(prompts))
    yield _tried("detectors", lambda: f"{len(load_all(detectors_overlay))} recipes")
    yield _tried("sound", _round_trip)


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, name in OPTIONAL, "not installed" + (" (optional)" if name in OPTIONAL else ""))


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except GensupError as error:
        return Check(name, False, str(error))


def _prompts(overlay: Path | None) -> str:
    rows = fault_rows(overlay)
    for row in rows.values():
        MECHANISMS.load(row.mechanism)
    styles = resources.names("prompts", ".j2", overlay)
    for style in styles:
        caption(Clip(path="", machine="fan"), style=style, overlay=overlay)
    return f"{len(rows)} fault families, caption styles {', '.join(styles)}"


def _round_trip() -> str:
    """16-bit samples written and read again are the same samples."""
    import numpy as np

    from gensup.audio.files import AudioRef, write

    audio = (np.arange(-1600, 1600, dtype=np.float32) / np.float32(32768))[None]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        write(path, audio, 16000, "PCM_16")
        same = np.array_equal(AudioRef(path, 16000, 0).read(), audio)
    if not same:
        raise GensupError(
            "a written clip reads differently", rule="16-bit samples survive", remedy="install soundfile again"
        )
    return "written and read bit for bit"
