"""Log-mel spectrograms of twins: both on one scale, and what parts them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gensup.audio.spectra import log_mel
from gensup.reporting.axes import Axes, key, ticks
from gensup.reporting.drawing import Canvas, Picture
from gensup.reporting.pairs import Excerpt
from gensup.reporting.raster import Colours, raster

WIDTH, HEIGHT = 400, 270
N_MELS = 128
WINDOW = 0.064  # s; 1024 samples at 16 kHz
DYNAMIC_DB = 70.0  # below the loudest point of either twin
LEAST_DIFFERENCE_DB, MOST_DIFFERENCE_DB = 6.0, 30.0
TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000, 16000)


def spectrograms(excerpt: Excerpt, name: str) -> tuple[Picture, Picture, Picture]:
    """The normal twin, the anomaly, and the anomaly minus its twin."""
    # At most the samples that reflection needs, in a clip of a tenth of a second.
    n_fft = 2 ** round(np.log2(excerpt.rate * WINDOW))
    normal, anomaly = (
        log_mel(samples.astype(np.float64), excerpt.rate, n_fft=n_fft, hop=n_fft // 4, n_mels=N_MELS)
        for samples in (excerpt.normal, excerpt.anomaly)
    )
    top = float(max(normal.max(), anomaly.max()))
    scale = (top - DYNAMIC_DB, top)
    difference = anomaly - normal
    most = float(np.clip(np.quantile(np.abs(difference), 0.999), LEAST_DIFFERENCE_DB, MOST_DIFFERENCE_DB))
    said = f"log-mel spectrogram of %s, {name}: {excerpt.seconds:.1f} s, 0 to {excerpt.rate / 2000:g} kHz, {{}}"
    absolute = f"{scale[0]:.0f} to {scale[1]:.0f} dB"
    return (
        _panel(normal, excerpt, scale, "magma", "level, dB", (said % "the normal twin").format(absolute)),
        _panel(anomaly, excerpt, scale, "magma", "level, dB", (said % "the anomaly").format(absolute)),
        _panel(
            difference, excerpt, (-most, most), "red-blue", "anomaly − normal, dB",
            (said % "the difference, anomaly minus normal").format(f"±{most:.0f} dB; {_change(difference)}"),
        ),
    )  # fmt: skip


def _change(difference: NDArray[np.floating]) -> str:
    return f"{np.mean(np.abs(difference) > 3):.0%} of it differs by more than 3 dB"


def _panel(
    levels: NDArray[np.floating], excerpt: Excerpt, scale: tuple[float, float], colours: Colours, unit: str, alt: str
) -> Picture:
    """Levels (frames, mels) in dB over s and Hz."""
    canvas = Canvas(WIDTH, HEIGHT)
    axes = Axes(
        canvas=canvas, left=62, top=8, width=260, height=216,
        x=(excerpt.start, excerpt.start + excerpt.seconds), y=(-0.5, N_MELS - 0.5),
    )  # fmt: skip
    canvas.image(axes.left, axes.top, axes.width, axes.height, raster(levels.T[::-1], scale, colours))
    axes.frame()
    axes.x_ticks(ticks(*axes.x))
    axes.y_ticks([(_bin(hz, excerpt.rate), f"{hz}") for hz in TICKS_HZ if hz <= excerpt.rate / 2])
    axes.called("time in the clip, s", "frequency, Hz")
    key(canvas, Axes(canvas=canvas, left=332, top=8, width=12, height=216, x=(0, 1), y=scale), colours, unit)
    return canvas.picture(alt)


def _bin(hz: float, rate: int) -> float:
    """Where a frequency lies among the mel filters of ``log_mel``, whose centres are evenly spaced in mel."""
    return float(np.log10(1 + hz / 700) / np.log10(1 + rate / 2 / 700) * (N_MELS + 1) - 1)
