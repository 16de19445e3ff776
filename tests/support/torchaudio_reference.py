"""torchaudio's log-mel spectrogram in the precision of its input: what ours must equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gensup._compat import ensure_torchaudio


def reference(samples: NDArray[np.floating], rate: int, *, n_fft: int, hop: int, n_mels: int) -> NDArray[np.floating]:
    """(frames, n_mels) in dB."""
    ensure_torchaudio()
    import torch
    import torchaudio

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if samples.dtype == np.float64 else torch.float32)
    try:
        mel = torchaudio.transforms.MelSpectrogram(rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
        decibels = torchaudio.transforms.AmplitudeToDB(stype="power")
        return decibels(mel(torch.from_numpy(samples))).T.numpy()
    finally:
        torch.set_default_dtype(default)
