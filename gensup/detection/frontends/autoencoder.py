"""The autoencoder of the DCASE baselines (Harada et al., 2023): how far five frames are off from what it makes of them.

A token is how far a vector is off, or a whole clip in the code's form of the Mahalanobis distance: pool them with
``mean`` and score with ``value``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio
from gensup.detection.bands import power_mel
from gensup.detection.examples import Examples
from gensup.detection.learnt import Learnt, Untrained, restored, untrained
from gensup.detection.means import Means
from gensup.detection.parts import Arrays, Tokens
from gensup.detection.ranges import in_ranges
from gensup.detection.residuals import Residual, off
from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.training.course import Course


@dataclass(frozen=True, slots=True)
class AutoEncoding:
    """One network for all normal clips of a machine. ``n_fft`` and ``hop`` are in samples, ``batch`` in vectors."""

    residual: Residual = "mse"
    n_fft: int = 1024
    hop: int = 512
    n_mels: int = 128
    frames: int = 5
    width: int = 128
    bottleneck: int = 8
    epochs: int = 100
    steps: int = 0  # instead of epochs, above 0
    batch: int = 256
    rate: float = 1e-3

    name: ClassVar[str] = "autoencoder"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.01
    trained: ClassVar[bool] = True
    together: ClassVar[int] = 1

    def __post_init__(self) -> None:
        in_ranges(
            self, n_fft=(64, 65536), hop=(1, 65536), n_mels=(1, 1024), frames=(1, 1024), width=(1, 65536),
            bottleneck=(1, 65536), epochs=(1, 10_000), steps=(0, 10_000_000), batch=(2, 1_000_000), rate=(1e-8, 1.0),
        )  # fmt: skip

    def ready(self, normals: Examples, means: Means, seed: int) -> Learnt:
        from gensup.detection.training.reconstructing import reconstructed

        return Learnt(self, reconstructed(self, normals, means, seed), means.device)

    def untrained(self, means: Means) -> Untrained:
        return untrained(self, means.device)

    def restore(self, file: Path, means: Means) -> Learnt:
        return restored(self, file, means.device)

    def course(self, steps: int) -> Course:
        """Adam at one rate, as published."""
        from gensup.training.course import Course

        return Course(
            steps=steps, batch=self.batch, rate=self.rate, warmup=0, weight_decay=0.0, clip=None, decay=None,
            validate_every=5000, checkpoint_every=5000, keep_at=(steps,),
        )  # fmt: skip

    def spectrogram(self, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        """(frames, bands) dB.

        Raises:
            GensupError: fewer frames than a vector has.
        """
        found = power_mel(samples, rate, n_fft=self.n_fft, hop=self.hop, n_mels=self.n_mels)
        if len(found) < self.frames:
            raise GensupError(
                "the clip is too short for one vector",
                value=f"{len(found)} frames",
                rule=f"at least {self.frames}",
                remedy="leave the clip out or lower frontend.frames",
            )
        return found

    def fresh(self, rate: int) -> Arrays:
        from gensup.detection.networks.autoencoder import AutoEncoder

        network = AutoEncoder(self.n_mels * self.frames, self.width, self.bottleneck)
        arrays: Arrays = {name: value.numpy() for name, value in network.state_dict().items()}
        if self.residual != "mse":
            size = self.n_mels * (self.frames if self.residual == "mahalanobis-paper" else 1)
            arrays |= {"source": np.eye(size), "target": np.eye(size)}
        return arrays

    def opened(self, arrays: Arrays, rate: int, device: str) -> Any:
        import torch

        from gensup.detection.networks.autoencoder import AutoEncoder

        own = {name: torch.from_numpy(value) for name, value in arrays.items() if name not in ("source", "target")}
        network = AutoEncoder(self.n_mels * self.frames, self.width, self.bottleneck)
        network.load_state_dict(own)
        inverse = None if self.residual == "mse" else (arrays["source"], arrays["target"])
        return network.eval(), inverse  # on the CPU: it takes a millisecond

    def heard(self, network: Any, clips: Sequence[Audio], rate: int) -> list[Tokens]:
        return [self._heard(network, audio, rate) for audio in clips]

    def _heard(self, network: Any, audio: Audio, rate: int) -> Tokens:
        import torch

        autoencoder, inverse = network
        mel = self.spectrogram(audio[0], rate)
        windows = np.lib.stride_tricks.sliding_window_view(mel, self.frames, axis=0)  # (vectors, bands, frames)
        x = np.ascontiguousarray(windows.swapaxes(1, 2)).reshape(len(windows), -1)
        with torch.no_grad():
            residuals = x - autoencoder(torch.from_numpy(x)).numpy()
        found = off(residuals, self.residual, self.n_mels, inverse)
        return Tokens(found.astype(np.float32)[:, None, None])
