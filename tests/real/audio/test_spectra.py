"""Log-mel of real machines against torchaudio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from gensup.audio.spectra import log_mel
from tests.support.torchaudio_reference import reference

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
SETTINGS = {"n_fft": 1024, "hop": 512, "n_mels": 128}
CLIPS = sorted(DATA.glob("dcase2020_samples/*/*.flac"))[::12] + sorted(
    DATA.glob("mimii_m6dB_ch0/*/id_00/*/00000000.flac")
)


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_equal_to_torchaudio_on_real_clips(path: Path) -> None:
    sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
    sound = sound[:, 0]
    np.testing.assert_allclose(log_mel(sound, rate, **SETTINGS), reference(sound, rate, **SETTINGS), atol=1e-6)
    single = sound.astype(np.float32)
    np.testing.assert_allclose(log_mel(single, rate, **SETTINGS), reference(single, rate, **SETTINGS), atol=1e-2)
