"""torchaudio works beside whatever torch is there; each case in a process of its own, since imports are for life."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(script: str, *path: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_torchaudio_and_what_imports_it_work() -> None:
    said = run(
        "from gensup._compat import ensure_torchaudio\n"
        "print(ensure_torchaudio())\n"
        "import sys, torch, torchaudio\n"
        "first = torchaudio\n"
        "print(ensure_torchaudio(), sys.modules['torchaudio'] is first)\n"
        "wave = torch.sin(torch.arange(16000) * 0.1)[None]\n"
        "mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=1024, hop_length=512, n_mels=64)(wave)\n"
        "print(tuple(mel.shape), bool(torch.isfinite(mel).all()), int(mel.mean(2).argmax()))\n"
        "import transformers.audio_utils\n"
    )
    assert said[0] in ("native", "pure-python")
    assert said[1] == f"{said[0]} True"
    # 254.6 Hz is mel 349.6 of 2840, and 64 filters stand 43.7 apart: the eighth.
    assert said[2] == "(1, 64, 32) True 7"


FAKE = {
    "torchaudio/__init__.py": "from . import _extension\nfrom . import functional\n",
    "torchaudio/functional.py": (
        "from torchaudio._extension import _IS_TORCHAUDIO_EXT_AVAILABLE as compiled, fail_if_no_align\n"
        "@fail_if_no_align\ndef forced_align(): return 'aligned'\n"
        "def plain(): return 'plain'\n"
    ),
}
PROBE = (
    "from gensup._compat import ensure_torchaudio\n"
    "print(ensure_torchaudio(), ensure_torchaudio())\n"
    "import torchaudio\n"
    "print(torchaudio.functional.compiled, torchaudio.functional.plain())\n"
    "try: print(torchaudio.functional.forced_align())\n"
    "except RuntimeError as error: print(error)\n"
)


def fake(folder: Path, extension: str) -> Path:
    for name, source in (FAKE | {"torchaudio/_extension.py": extension}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(source)
    return folder


@pytest.mark.parametrize(
    "failure",
    [
        "raise OSError('libc10_cuda.so: cannot open shared object file')",
        "raise RuntimeError('PyTorch has CUDA version 13.2 whereas TorchAudio has CUDA version 13.0.')",
    ],
)
def test_a_compiled_part_that_does_not_fit_is_left_out(failure: str, tmp_path: Path) -> None:
    assert run(PROBE, fake(tmp_path, failure)) == [
        "pure-python pure-python",
        "False plain",
        "forced_align needs torchaudio's compiled part",
    ]


def test_a_compiled_part_that_fits_is_kept(tmp_path: Path) -> None:
    fits = "_IS_TORCHAUDIO_EXT_AVAILABLE = True\ndef fail_if_no_align(function): return function\n"
    assert run(PROBE, fake(tmp_path, fits)) == ["native native", "True plain", "aligned"]


def test_no_torchaudio_is_no_error() -> None:
    script = (
        "import sys\n"
        "sys.path = [p for p in sys.path if 'site-packages' not in p]\n"
        "from gensup._compat import ensure_torchaudio\n"
        "print(ensure_torchaudio(), 'torchaudio' in sys.modules)\n"
    )
    assert run(script) == ["absent False"]
