"""The one gate for sound: files in, arrays out, and back. Nothing passes it that would make a wrong number later."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha256
from math import gcd
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.io import wavfile

from gensup.errors import GensupError
from gensup.store import atomic

Audio: TypeAlias = NDArray[np.float32]
"""(channels, samples), full scale 1.0, also when there is one channel."""

Channel: TypeAlias = Literal["all", "near", "far", "mean"] | int
"""Which channel a clip is reduced to; "near" is channel 0 and "far" channel 1 (DCASE 2026), "all" keeps every one."""

SUFFIXES = (".wav", ".flac")
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC")
RATES = (1000, 768_000)  # Hz; what lies outside is a damaged header
MIN_SECONDS = 0.1
LOUDEST = 1e6  # times full scale: a float file may count in integers, but no sound is louder than that
SILENCE = 1e-6  # peak to peak, -120 dB of full scale: below what 16 bits can write, above a float file's rounding


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says."""

    rate: int  # Hz
    channels: int
    frames: int  # samples a channel

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


@dataclass(frozen=True, slots=True)
class AudioRef:
    """A sound that can be read: picklable, so that workers read for themselves."""

    path: Path
    rate: int  # Hz, resampled to it where the file has another
    channel: Channel = 0

    def read(self) -> Audio:
        """(channels, samples) at ``rate``, reduced to ``channel``.

        Raises:
            GensupError: unreadable, truncated, shorter than 0.1 s, not finite, silent, or without that channel.
        """
        info = inspect(self.path)
        with _opened(self.path) as file:
            try:
                audio = _samples(file)
            except soundfile.LibsndfileError as error:
                raise _damaged(self.path, str(error), "can be decoded to its end") from None
        if audio.shape[1] != info.frames:
            raise _damaged(self.path, f"{audio.shape[1]} of {info.frames} samples", "holds what its header promises")
        return resampled(
            valid(reduced(audio, self.channel, str(self.path)), info.rate, str(self.path)), info.rate, self.rate
        )


def inspect(path: Path) -> AudioInfo:
    """Read a file's header only.

    Raises:
        GensupError: not a readable WAV or FLAC file, or a WAV file shorter than its header says.
    """
    with _opened(path) as file:
        if file.format not in FORMATS:
            raise _damaged(path, file.format, "is WAV or FLAC, whatever its name says")
        info = AudioInfo(file.samplerate, file.channels, file.frames)
    if not RATES[0] <= info.rate <= RATES[1]:
        raise _damaged(path, f"{info.rate} Hz", f"has a rate of {RATES[0]} to {RATES[1]} Hz")
    if info.frames == 0:
        raise _damaged(path, "0 samples", f"lasts at least {MIN_SECONDS} s")
    missing = _missing_bytes(path)
    if missing:
        raise _damaged(path, f"{missing} bytes missing", "holds what its header promises")
    return info


def reduced(audio: Audio, channel: Channel, where: str) -> Audio:
    """One channel (or all) of ``audio`` (channels, samples), as (1 or channels, samples)."""
    if channel == "all":
        return audio
    if channel == "mean":
        mean: Audio = audio.mean(axis=0, keepdims=True, dtype=np.float32)
        return mean
    wanted = {"near": 0, "far": 1}[channel] if isinstance(channel, str) else channel
    if not 0 <= wanted < len(audio):
        raise GensupError(
            "no such channel",
            where=where,
            value=channel,
            rule=f"the file has {len(audio)} (counted from 0)",
            remedy="choose another --channel",
        )
    return np.ascontiguousarray(audio[wanted : wanted + 1])


def valid(audio: Audio, rate: int, where: str) -> Audio:
    """``audio`` itself, if it is finite, long enough and not silent.

    Raises:
        GensupError: it is not; ``where`` names it.
    """
    if audio.shape[1] < MIN_SECONDS * rate:
        raise GensupError(
            "the clip is too short",
            where=where,
            value=f"{audio.shape[1]} samples",
            rule=f"a clip lasts at least {MIN_SECONDS} s",
            remedy="remove it, or pass --skip-bad",
        )
    if not np.isfinite(audio).all():
        raise GensupError(
            "the clip holds NaN or infinity",
            where=where,
            value=f"{np.count_nonzero(~np.isfinite(audio))} samples",
            rule="every sample is finite",
            remedy="export it again, or pass --skip-bad",
        )
    if float(np.abs(audio).max()) > LOUDEST:
        raise GensupError(
            "the clip is no sound",
            where=where,
            value=f"peak {float(np.abs(audio).max()):.1e}",
            rule=f"at most {LOUDEST:.0e} times full scale",
            remedy="export it again, or pass --skip-bad",
        )
    if float(np.ptp(audio)) < SILENCE:
        raise GensupError(
            "the clip is silent",
            where=where,
            value=f"peak to peak {float(np.ptp(audio)):.1e}",
            rule="a recording of a machine is not constant",
            remedy="check the channel and the microphone, or pass --skip-bad",
        )
    return audio


def resampled(audio: Audio, rate: int, wanted: int) -> Audio:
    """``audio`` at ``wanted`` Hz by SciPy's polyphase filter (Kaiser 5.0); itself when the rates agree."""
    if rate == wanted:
        return audio
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(audio, wanted // common, rate // common, axis=1), dtype=np.float32)


def fingerprint(audio: Audio) -> str:
    """SHA-256 of the decoded samples and their shape: equal sounds are equal whatever file holds them."""
    return sha256(str(audio.shape).encode() + np.ascontiguousarray(audio, dtype="<f4").tobytes()).hexdigest()


def on_16_bit_grid(audio: Audio) -> bool:
    """Whether 16-bit PCM holds these samples exactly."""
    scaled = audio * np.float32(32768)
    return bool(np.all(scaled == np.rint(scaled)) and scaled.min() >= -32768 and scaled.max() <= 32767)


def write(path: Path, audio: Audio, rate: int, subtype: Literal["PCM_16", "FLOAT"]) -> None:
    """Write a WAV file, whole or not at all.

    16-bit samples are rounded here: libsndfile reads with 1/32768 but writes with 32767, which is not the way back.

    Raises:
        GensupError: a sample is not finite, or beyond full scale in 16 bits.
    """
    if not np.isfinite(audio).all():
        raise GensupError("refused to write NaN or infinity", where=str(path), rule="every sample is finite")
    data: NDArray[np.generic] = audio.T.astype(np.float32)
    if subtype == "PCM_16":
        scaled = np.rint(audio.T * np.float32(32768))
        if scaled.min() < -32768 or scaled.max() > 32767:
            raise GensupError(
                "refused to clip", where=str(path), value=f"peak {np.abs(audio).max():.3f}", rule="full scale is 1"
            )
        data = scaled.astype(np.int16)
    with atomic(path) as temporary:
        # By SciPy: libsndfile puts the hour into a float file (its PEAK chunk), and one sound would have many bytes.
        wavfile.write(temporary, rate, np.ascontiguousarray(data))


def _samples(file: soundfile.SoundFile) -> Audio:
    """(channels, samples). 16 bits are scaled here: libsndfile takes five times as long for the same floats."""
    if file.subtype != "PCM_16":
        audio: Audio = file.read(dtype="float32", always_2d=True).T
        return audio
    return np.asarray(file.read(dtype="int16", always_2d=True).T * np.float32(1 / 32768))


def _opened(path: Path) -> soundfile.SoundFile:
    # A FIFO would be waited for, a device read for ever.
    if not path.is_file():
        raise GensupError("no such file", where=str(path), rule="a clip is a regular WAV or FLAC file")
    try:
        return soundfile.SoundFile(os.fsencode(path))  # as bytes: a name need not be UTF-8
    except (soundfile.LibsndfileError, OSError) as error:
        raise _damaged(
            path, str(error).removeprefix(f"Error opening {str(path)!r}: "), "is readable WAV or FLAC"
        ) from None


def _damaged(path: Path, value: str, rule: str) -> GensupError:
    remedy = "copy it again, remove it, or pass --skip-bad"
    return GensupError("the file is damaged", where=str(path), value=value, rule=f"a clip {rule}", remedy=remedy)


def _missing_bytes(path: Path) -> int:
    """How many bytes of a WAV file's data chunk are not there: libsndfile reads a cut file without a word."""
    with path.open("rb") as file:
        kind = file.read(4)
        if kind not in (b"RIFF", b"RIFX", b"RF64"):
            return 0
        order = ">" if kind == b"RIFX" else "<"
        file.seek(12)
        size = os.fstat(file.fileno()).st_size
        large = 0  # RF64 keeps the length of its data, which 32 bits cannot say, in a chunk of its own
        while len(header := file.read(8)) == 8:
            name, length = header[:4], struct.unpack(f"{order}I", header[4:])[0]
            if name == b"ds64":
                large = struct.unpack("<8xQ", file.read(16))[0]
                length -= 16
            if name == b"data":
                if length == 0xFFFFFFFF:
                    length = large
                # Programs that stream write 0 or the largest number for "until the end".
                return max(0, file.tell() + length - size) if length else 0
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0
