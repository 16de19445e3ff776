"""Archives, honest ones and others."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
import zlib
from collections import namedtuple
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.retrieval import SILENT, Member, unpack
from tests.support.records_server import zipped

HONEST = {
    "fan/train/section_00_source_train_normal_0000_n_A.wav": b"RIFF" + b"\0" * 9000,
    "fan/test/section_00_source_test_anomaly_0000_n_A.wav": b"RIFF" + b"\1" * 500,
    "fan/attributes_00.csv": b"file_name,d1p,d1v\n",
}


def put(folder: Path, data: bytes, name: str = "dev_fan.zip") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def opened(archive: Path, into: Path, ours: Mapping[str, tuple[int, int]] | None = None) -> tuple[Member, ...]:
    return unpack(archive, into, machine="fan", ours=ours or {}, listener=SILENT)


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_honest_archive(tmp_path: Path) -> None:
    archive = put(
        tmp_path / "zips", zipped(HONEST | {"fan/": b"", "__MACOSX/fan/._x.wav": b"x", "fan/.DS_Store": b"x"})
    )
    members = opened(archive, tmp_path / "raw")
    assert tree(tmp_path / "raw") == HONEST
    assert {m.path: (m.size, m.crc) for m in members} == {n: (len(d), zlib.crc32(d)) for n, d in HONEST.items()}
    assert sorted(p.name for p in (tmp_path / "raw").iterdir()) == ["fan"]


def test_an_archive_that_begins_at_the_splits_gets_its_machines_folder(tmp_path: Path) -> None:
    bare = {name.removeprefix("fan/"): data for name, data in HONEST.items()}
    opened(put(tmp_path, zipped(bare)), tmp_path / "raw")
    assert tree(tmp_path / "raw") == HONEST


def test_separators_of_another_system(tmp_path: Path) -> None:
    opened(put(tmp_path, zipped({name.replace("/", "\\"): data for name, data in HONEST.items()})), tmp_path / "raw")
    assert tree(tmp_path / "raw") == HONEST


def test_train_and_test_archives_meet_in_one_folder(tmp_path: Path) -> None:
    train = {name: data for name, data in HONEST.items() if "test" not in name}
    test = {name: data for name, data in HONEST.items() if "train" not in name}
    opened(put(tmp_path, zipped(train), "eval_data_fan_train.zip"), tmp_path / "raw")
    opened(put(tmp_path, zipped(test), "eval_data_fan_test.zip"), tmp_path / "raw")  # attributes_00.csv is in both
    assert tree(tmp_path / "raw") == HONEST


def test_unpacking_again_changes_nothing_and_brings_back_what_is_missing(tmp_path: Path) -> None:
    archive = put(tmp_path, zipped(HONEST))
    opened(archive, tmp_path / "raw")
    (tmp_path / "raw/fan/attributes_00.csv").unlink()
    opened(archive, tmp_path / "raw")
    assert tree(tmp_path / "raw") == HONEST


def test_a_file_of_the_users_is_not_replaced_and_nothing_is_written(tmp_path: Path) -> None:
    mine = tmp_path / "raw/fan/attributes_00.csv"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(GensupError, match=r"attributes_00\.csv: another file stands in the way"):
        opened(put(tmp_path, zipped(HONEST)), tmp_path / "raw")
    assert tree(tmp_path / "raw") == {"fan/attributes_00.csv": b"mine"}


def test_a_file_that_an_earlier_archive_brought_is_replaced(tmp_path: Path) -> None:
    old = opened(put(tmp_path, zipped(HONEST)), tmp_path / "raw")
    corrected = HONEST | {"fan/attributes_00.csv": b"corrected"}
    archive = put(tmp_path, zipped(corrected), "dev_fan_r2.zip")
    opened(archive, tmp_path / "raw", {m.path: (m.size, m.crc) for m in old})
    assert tree(tmp_path / "raw") == corrected


def test_what_a_killed_run_left_is_cleared_up(tmp_path: Path) -> None:
    left = tmp_path / "raw/.unpacking-dev_fan.zip/fan/train"
    left.mkdir(parents=True)
    (left / "half.wav").write_bytes(b"RI")
    opened(put(tmp_path, zipped(HONEST)), tmp_path / "raw")
    assert tree(tmp_path / "raw") == HONEST


def linked() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("fan/train/clip.wav")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def device() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("fan/train/pipe.wav")
        info.external_attr = (stat.S_IFIFO | 0o666) << 16
        archive.writestr(info, b"")
    return out.getvalue()


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("fan/train/a.wav", b"one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("fan/train/a.wav", b"two")
    return out.getvalue()


def directory(data: bytes, offset: int, layout: str, value: int) -> bytes:
    """The archive with one field of its first central directory entry changed."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + struct.pack(layout, value) + data[at + struct.calcsize(layout) :]


def damaged() -> bytes:
    data = bytearray(zipped(HONEST, zipfile.ZIP_STORED))
    data[data.index(b"\0" * 4000) + 100] ^= 1
    return bytes(data)


def renamed() -> bytes:
    """A local header whose name is no UTF-8, though it says so."""
    data = bytearray(zipped({"fan/train/\u00fc.wav": b"x" * 100}))
    at = data.index("\u00fc".encode())
    data[at : at + 2] = b"\xff\xff"
    return bytes(data)


def squeezed() -> bytes:
    """A stream of LZMA whose properties are none."""
    data = bytearray(zipped(ONE, zipfile.ZIP_LZMA))
    at = data.index(b"fan/train/a.wav") + len(b"fan/train/a.wav")
    data[at + 4] = 0xFF
    return bytes(data)


ONE = {"fan/train/a.wav": b"\0" * 1000}
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "parent": (lambda: zipped({"../evil.wav": b"x"}), "leads out"),
    "parent, deep": (lambda: zipped({"fan/train/../../../evil.wav": b"x"}), "leads out"),
    "parent, other separators": (lambda: zipped({"fan\\..\\..\\evil.wav": b"x"}), "leads out"),
    "root": (lambda: zipped({"/evil.wav": b"x"}), "leads out"),
    "drive": (lambda: zipped({"C:evil.wav": b"x"}), "leads out"),
    "parent beside honest files": (lambda: zipped(HONEST | {"../evil.wav": b"x"}), "leads out"),
    "hidden": (lambda: zipped({".bashrc": b"x"}), "hidden"),
    "link": (linked, "a link or a device"),
    "device": (device, "a link or a device"),
    "name twice": (twice, "stands there twice"),
    "absurd size": (lambda: directory(zipped(ONE), 24, "<I", 0xFFFFFFF0), "grow absurdly"),
    "overlap": (lambda: directory(zipped(ONE), 20, "<I", 0x00FFFFFF), "overlap"),
    "size too small": (lambda: directory(zipped(ONE), 24, "<I", 500), "damaged"),
    "size too large": (lambda: directory(zipped(ONE), 24, "<I", 5000), "damaged"),
    "encrypted": (lambda: directory(zipped(ONE), 8, "<H", 1), "encrypted"),
    "unknown method": (lambda: directory(zipped(ONE), 10, "<H", 77), "damaged"),
    "wrong bytes": (damaged, "damaged"),
    "name in no encoding": (renamed, "damaged"),
    "wrong properties": (squeezed, "damaged"),
    "cut short": (lambda: zipped(HONEST)[:-30], "not a zip"),
    "no zip": (lambda: b"<html>please log in</html>", "not a zip"),
    "empty": (lambda: zipped({}), "nothing in it"),
    "file and folder": (lambda: zipped({"fan/a": b"x", "fan/a/b.wav": b"x"}), "cannot be written"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_writes_nothing(tmp_path: Path, name: str) -> None:
    make, said = HOSTILE[name]
    archive = put(tmp_path / "zips", make())
    with pytest.raises(GensupError, match=said):
        opened(archive, tmp_path / "inner" / "raw")
    assert tree(tmp_path) == {"zips/dev_fan.zip": archive.read_bytes()}


def test_a_bomb_of_many_honest_zeros_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousandfold is honest for silence, so small archives may; what it comes to is bounded."""
    silence = put(tmp_path, zipped({f"fan/train/{i}.wav": b"\0" * 500_000 for i in range(4)}))
    opened(silence, tmp_path / "raw")
    monkeypatch.setattr("gensup.retrieval.zips.FREE", 1_000_000)
    with pytest.raises(GensupError, match=r"grow absurdly.*2000000 bytes out of"):
        opened(silence, tmp_path / "other")


def test_the_disk_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 5000))
    with pytest.raises(GensupError, match="too little space"):
        opened(put(tmp_path, zipped(HONEST)), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()
