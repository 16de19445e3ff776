"""The gate for sound: what passes, what is refused, and that 16 bits survive."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gensup.audio import files
from gensup.audio.files import AudioRef
from gensup.errors import GensupError

RATE = 16000


def noise(seconds: float = 0.5, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(-0.5, 0.5, (channels, int(seconds * RATE))) * 32768).astype(np.float32) / np.float32(
        32768
    )


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    files.write(path, noise(), RATE, "PCM_16")
    return path


@pytest.mark.parametrize("extreme", [-32768, -32767, -1, 0, 1, 16384, 32766, 32767])
def test_sixteen_bits_come_back_bit_for_bit(tmp_path: Path, extreme: int) -> None:
    audio = noise()
    audio[0, 7] = extreme / 32768
    files.write(tmp_path / "a.wav", audio, RATE, "PCM_16")
    np.testing.assert_array_equal(AudioRef(tmp_path / "a.wav", RATE, 0).read(), audio)


def test_flac_and_wav_of_one_sound_have_one_fingerprint(tmp_path: Path, clip: Path) -> None:
    data, _ = soundfile.read(clip, dtype="int16")
    soundfile.write(tmp_path / "clip.flac", data, RATE)
    prints = {files.fingerprint(AudioRef(path, RATE, 0).read()) for path in (clip, tmp_path / "clip.flac")}
    assert len(prints) == 1


@pytest.mark.parametrize(
    ("channel", "expected"), [("near", 0), ("far", 1), (0, 0), (1, 1), (3, 3), ("mean", None), ("all", slice(None))]
)
def test_channels(tmp_path: Path, channel: files.Channel, expected: object) -> None:
    audio = noise(channels=4)
    files.write(tmp_path / "four.wav", audio, RATE, "PCM_16")
    read = AudioRef(tmp_path / "four.wav", RATE, channel).read()
    if expected is None:
        np.testing.assert_allclose(read, audio.mean(axis=0, keepdims=True), atol=1e-7)
    else:
        np.testing.assert_array_equal(read, audio[expected].reshape(-1, audio.shape[1]))


def test_a_channel_that_is_not_there(clip: Path) -> None:
    with pytest.raises(GensupError, match=r"no such channel.*'far'.*has 1"):
        AudioRef(clip, RATE, "far").read()


def test_resampling_keeps_a_tone(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    files.write(tmp_path / "tone.wav", np.sin(2 * np.pi * 440 * time, dtype=np.float32)[None] / 2, 44100, "FLOAT")
    read = AudioRef(tmp_path / "tone.wav", RATE, 0).read()[0]
    assert len(read) == RATE
    middle = slice(2000, -2000)  # the filter's ends ring
    expected = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) / 2
    np.testing.assert_allclose(read[middle], expected[middle], atol=2e-3)


def hostile(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"{kind}.wav"
    sound = noise()
    match kind:
        case "missing":
            return path
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "empty-file":
            path.write_bytes(b"")
        case "garbage":
            path.write_bytes(b"not a sound at all, but long enough to look at")
        case "header-only":
            soundfile.write(path, np.zeros(0, np.float32), RATE)
        case "one-sample":
            soundfile.write(path, np.ones(1, np.float32), RATE)
        case "cut":
            files.write(path, sound, RATE, "PCM_16")
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "nan":
            sound[0, 5] = np.nan
            soundfile.write(path, sound[0], RATE, subtype="FLOAT")
        case "infinite":
            sound[0, 5] = np.inf
            soundfile.write(path, sound[0], RATE, subtype="FLOAT")
        case "absurd":
            sound[0, 5] = 1e30
            soundfile.write(path, sound[0], RATE, subtype="FLOAT")
        case "cut-rifx":
            soundfile.write(path, sound[0], RATE, subtype="PCM_16", endian="BIG")
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "cut-rf64":
            soundfile.write(path, sound[0], RATE, subtype="PCM_16", format="RF64")
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "ogg":
            soundfile.write(path, sound[0], RATE, format="OGG", subtype="VORBIS")
        case "slow":
            soundfile.write(path, sound[0], 1)
        case "zeros":
            soundfile.write(path, np.zeros(RATE, np.float32), RATE)
        case "constant":
            soundfile.write(path, np.full(RATE, 0.25, np.float32), RATE)
        case "cut-flac":
            path = path.with_suffix(".flac")
            soundfile.write(path, sound[0], RATE)
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"),
        ("folder", "no such file"),
        ("fifo", "no such file"),
        ("empty-file", "damaged"),
        ("garbage", "damaged"),
        ("header-only", "0 samples"),
        ("one-sample", "too short"),
        ("cut", "bytes missing"),
        ("cut-flac", "damaged"),
        ("nan", "NaN or infinity"),
        ("infinite", "NaN or infinity"),
        ("absurd", "no sound"),
        ("cut-rifx", "bytes missing"),
        ("cut-rf64", "bytes missing"),
        ("ogg", "is WAV or FLAC"),
        ("slow", "has a rate of"),
        ("zeros", "silent"),
        ("constant", "silent"),
    ],
)
def test_what_the_gate_refuses_it_names(tmp_path: Path, kind: str, word: str) -> None:
    path = hostile(tmp_path, kind)
    with pytest.raises(GensupError, match=word) as caught:
        AudioRef(path, RATE, 0).read()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_streamed_header_is_no_damage(tmp_path: Path, clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "streamed.wav").write_bytes(bytes(data))
    assert AudioRef(tmp_path / "streamed.wav", RATE, 0).read().shape == (1, RATE // 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5, -1.5])
def test_nothing_wrong_is_written(tmp_path: Path, bad: float) -> None:
    audio = noise()
    audio[0, 3] = bad
    with pytest.raises(GensupError, match="refused"):
        files.write(tmp_path / "a.wav", audio, RATE, "PCM_16")
    assert list(tmp_path.iterdir()) == []


def test_the_grid_of_sixteen_bits() -> None:
    assert files.on_16_bit_grid(noise())
    assert not files.on_16_bit_grid(noise() + np.float32(1e-5))
    assert not files.on_16_bit_grid(np.ones((1, 4), np.float32))


@pytest.mark.parametrize("kind", ["RIFX", "RF64"])
def test_whole_files_of_other_headers_are_read(tmp_path: Path, kind: str) -> None:
    sound = noise()
    how = {"endian": "BIG"} if kind == "RIFX" else {"format": "RF64"}
    soundfile.write(tmp_path / "a.wav", sound[0], RATE, subtype="FLOAT", **how)
    np.testing.assert_array_equal(AudioRef(tmp_path / "a.wav", RATE, 0).read(), sound)


def test_a_name_need_not_be_utf_8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    files.write(path, noise(), RATE, "PCM_16")
    np.testing.assert_array_equal(AudioRef(path, RATE, 0).read(), noise())


def test_a_float_file_says_nothing_of_the_hour(tmp_path: Path) -> None:
    # Beyond full scale a twin is written in float, and the same twin is the same bytes whenever it is made.
    sound = np.float32(2.5) * np.random.default_rng(0).standard_normal((2, 2001)).astype(np.float32)
    files.write(tmp_path / "loud.wav", sound, 8000, "FLOAT")
    assert b"PEAK" not in (tmp_path / "loud.wav").read_bytes()
    assert np.array_equal(files.AudioRef(tmp_path / "loud.wav", 8000, "all").read(), sound)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_every_16_bit_value_is_read_as_libsndfile_scales_it(tmp_path: Path, suffix: str) -> None:
    values = np.arange(-32768, 32768).astype(np.int16)
    path = tmp_path / f"all.{suffix}"
    soundfile.write(path, np.stack([values, values[::-1]], axis=1), RATE, subtype="PCM_16")
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    audio = AudioRef(path, RATE, "all").read()
    assert audio.dtype == np.float32
    np.testing.assert_array_equal(audio, expected.T)
