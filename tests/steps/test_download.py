"""download from end to end, against a server on this machine."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import wave
from collections import namedtuple
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import gensup
from gensup.errors import GensupError
from gensup.retrieval import Client, Part, Patience
from gensup.rng import generator
from gensup.steps.download import Downloaded, available, download
from gensup.store import RunLock
from tests.support import killing
from tests.support.records_server import Server, serving, wait_until, whole_year, zipped
from tests.support.tiny import contents

DEV, ADDITIONAL, EVAL = 10902294, 11259435, 11363076
POINTS = 8
QUICK = Patience(tries=3, timeout=2.0, pause=0.0)


def wav(value: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes([value, 0]) * 400)
    return out.getvalue()


def dev(machine: str, value: int = 1) -> bytes:
    return zipped(
        {
            f"{machine}/train/section_00_source_train_normal_0000_noAttribute.wav": wav(value),
            f"{machine}/train/section_00_target_train_normal_0000_noAttribute.wav": wav(value + 1),
            f"{machine}/test/section_00_source_test_anomaly_0000_noAttribute.wav": wav(value + 2),
            f"{machine}/supplemental/section_00_noise_0000.wav": wav(value + 3),
            f"{machine}/attributes_00.csv": b"file_name\n",
        }
    )


def train(machine: str, value: int = 1) -> bytes:
    return zipped({f"{machine}/train/section_00_source_train_normal_0000_noAttribute.wav": wav(value)})


def test_(machine: str) -> bytes:
    return zipped({f"{machine}/test/section_00_0000.wav": wav(9)})


test_.__test__ = False  # type: ignore[attr-defined]


class Notes(list[str]):
    def note(self, text: str) -> None:
        self.append(text)

    def follow(self, items: Iterator[Any], total: int, doing: str) -> Iterator[Any]:
        return items


@pytest.fixture
def server() -> Iterator[Server]:
    records = {
        DEV: {"dev_ToyCar.zip": dev("ToyCar"), "dev_fan.zip": dev("fan", 20)},
        ADDITIONAL: {
            "eval_data_3DPrinter_train.zip": train("3DPrinter", 5),
            "eval_data_3DPrinter_train_r2.zip": train("3DPrinter", 6),
        },
        EVAL: {"eval_data_3DPrinter_test.zip": test_("3DPrinter")},
    }
    with serving(Server(records=records, licences={DEV: "cc-by-4.0"})) as running:
        yield running


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data"


def get(server: Server, out: Path, notes: Notes | None = None, **how: Any) -> tuple[Downloaded, ...]:
    return download(
        2024, out=out, client=Client(server.base, QUICK), progress=Notes() if notes is None else notes, **how
    )


def asked_files(server: Server) -> list[str]:
    return [path for path, _ in server.asked if path.endswith("/content")]


def test_a_whole_year_becomes_the_tree_that_scan_reads(server: Server, out: Path) -> None:
    done = get(server, out)
    assert [(one.part, one.machine, one.fetched, one.unpacked) for one in done] == [
        ("dev", "fan", True, True),
        ("dev", "ToyCar", True, True),
        ("additional", "3DPrinter", True, True),
        ("eval", "3DPrinter", True, True),
    ]
    clips = gensup.scan(out)
    assert {(clip.year, clip.machine, Path(clip.path).parent.name) for clip in clips} == {
        *((2024, machine, split) for machine in ("fan", "ToyCar") for split in ("train", "test", "supplemental")),
        *((2024, "3DPrinter", split) for split in ("train", "test")),
    }
    assert not any(clip.unparsed for clip in clips)
    root = out / "dcase2024t2"
    assert sorted(path.name for path in root.iterdir()) == ["dev_data", "eval_data", "zips"]
    assert sorted(path.name for path in (root / "eval_data/raw/3DPrinter").iterdir()) == ["test", "train"]


def test_machines_and_parts_are_chosen(server: Server, out: Path) -> None:
    done = get(server, out, machines=["toycar"], parts=("dev",))
    assert [(one.machine, one.file) for one in done] == [("ToyCar", "dev_ToyCar.zip")]
    assert [path for path, _ in server.asked] == [
        f"/api/records/{DEV}",
        f"/api/records/{DEV}/files/dev_ToyCar.zip/content",
    ]
    with pytest.raises(GensupError, match="no such machine"):
        get(server, out, machines=["ToyCar"], parts=("eval",))


def test_licences_and_replaced_files_are_said_once(server: Server, out: Path) -> None:
    notes = Notes()
    get(server, out, notes)
    for record, licence in ((DEV, "cc-by-4.0"), (ADDITIONAL, "cc-by-nc-sa-4.0"), (EVAL, "cc-by-nc-sa-4.0")):
        assert sum(f"(record {record}): {licence}" in text for text in notes) == 1
    assert sum("taken instead of eval_data_3DPrinter_train.zip" in text for text in notes) == 1
    assert sum("instead of 11183284" in text for text in notes) == 1
    clip = out / "dcase2024t2/eval_data/raw/3DPrinter/train/section_00_source_train_normal_0000_noAttribute.wav"
    assert clip.read_bytes() == wav(6)


def test_nothing_is_fetched_or_unpacked_twice(server: Server, out: Path) -> None:
    get(server, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    server.asked.clear()
    done = get(server, out)
    assert asked_files(server) == []
    assert not any(one.fetched for one in done)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")} == before


def test_unpacked_zips_may_go(server: Server, out: Path) -> None:
    get(server, out, drop_zips=True)
    assert not list(out.rglob("*.zip"))
    server.asked.clear()
    get(server, out)
    get(server, out, unzip=False)
    assert asked_files(server) == []
    next(out.rglob("ToyCar/test/*.wav")).unlink()
    get(server, out)
    assert [path.rpartition("/files/")[2] for path in asked_files(server)] == ["dev_ToyCar.zip/content"]
    assert list(out.rglob("ToyCar/test/*.wav"))


def test_zips_alone_and_unpacked_later(server: Server, out: Path) -> None:
    done = get(server, out, unzip=False)
    assert not list(out.rglob("*.wav"))
    assert {one.folder for one in done} == {out / "dcase2024t2/zips"}
    assert not any(one.unpacked for one in done)
    server.asked.clear()
    assert all(one.unpacked for one in get(server, out))
    assert asked_files(server) == []
    assert list(out.rglob("*.wav"))


def test_a_zip_that_somebody_put_there_is_looked_at(server: Server, out: Path) -> None:
    zips = out / "dcase2024t2/zips"
    zips.mkdir(parents=True)
    (zips / "dev_fan.zip").write_bytes(server.records[DEV]["dev_fan.zip"])
    wrong = bytearray(server.records[DEV]["dev_ToyCar.zip"])
    wrong[40] ^= 1
    (zips / "dev_ToyCar.zip").write_bytes(wrong)
    notes = Notes()
    done = get(server, out, notes, parts=("dev",))
    assert [(one.machine, one.fetched) for one in done] == [("fan", False), ("ToyCar", True)]
    assert any("dev_ToyCar.zip: its bytes are not those of the record" in text for text in notes)


def test_verify_reads_what_sizes_do_not_tell(server: Server, out: Path) -> None:
    get(server, out, parts=("dev",))
    archive = out / "dcase2024t2/zips/dev_fan.zip"
    data = bytearray(archive.read_bytes())
    data[40] ^= 1
    archive.write_bytes(data)
    server.asked.clear()
    get(server, out, parts=("dev",))
    assert asked_files(server) == []
    get(server, out, parts=("dev",), verify=True)
    assert len(asked_files(server)) == 1
    assert archive.read_bytes() == server.records[DEV]["dev_fan.zip"]

    clip = next(out.rglob("fan/test/*.wav"))
    data = bytearray(clip.read_bytes())
    data[-1] ^= 1
    clip.write_bytes(data)
    get(server, out, parts=("dev",))
    with pytest.raises(GensupError, match="altered since it was unpacked"):
        get(server, out, parts=("dev",), verify=True)
    clip.unlink()
    get(server, out, parts=("dev",), verify=True)
    assert clip.read_bytes() == wav(22)


def test_a_record_that_changed_its_file(server: Server, out: Path) -> None:
    """Same name, other bytes: the new ones are fetched, and replace what the old ones brought, and that alone."""
    get(server, out, machines=["fan"], parts=("dev",))
    server.records[DEV]["dev_fan.zip"] = dev("fan", 60)
    get(server, out, machines=["fan"], parts=("dev",))
    assert next(out.rglob("fan/test/*.wav")).read_bytes() == wav(62)
    next(out.rglob("fan/test/*.wav")).write_bytes(b"mine")
    server.records[DEV]["dev_fan.zip"] = dev("fan", 90)
    with pytest.raises(GensupError, match="another file stands in the way"):
        get(server, out, machines=["fan"], parts=("dev",))


def test_from_a_folder_that_was_filled_by_hand(server: Server, out: Path, tmp_path: Path) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    (hand / "dev_fan.zip").write_bytes(server.records[DEV]["dev_fan.zip"])
    notes = Notes()
    done = get(server, out, notes, parts=("dev",), from_dir=hand)
    assert [(one.machine, one.fetched, one.unpacked) for one in done] == [("fan", False, True)]
    assert any("has none of dev_ToyCar.zip" in text for text in notes)
    assert asked_files(server) == []
    assert (hand / "dev_fan.zip").is_file()
    with pytest.raises(GensupError, match=r"not there .*dev_ToyCar\.zip"):
        get(server, out, machines=["ToyCar"], parts=("dev",), from_dir=hand)
    (hand / "eval_data_3DPrinter_train.zip").write_bytes(b"the withdrawn one")
    with pytest.raises(GensupError, match=r"_r2\.zip \(eval_data_3DPrinter_train\.zip was replaced by it\)"):
        get(server, out, machines=["3DPrinter"], parts=("additional",), from_dir=hand)


def test_by_hand_or_from_an_earlier_download(server: Server, out: Path, tmp_path: Path) -> None:
    get(server, out, parts=("dev",), unzip=False)
    server.asked.clear()
    done = get(server, out, machines=["fan"], parts=("dev",), from_dir=tmp_path)
    assert [(one.fetched, one.unpacked) for one in done] == [(False, True)]
    assert asked_files(server) == []


def test_by_hand_and_wrong(server: Server, out: Path, tmp_path: Path) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    wrong = bytearray(server.records[DEV]["dev_fan.zip"])
    wrong[50] ^= 1
    (hand / "dev_fan.zip").write_bytes(wrong)
    with pytest.raises(GensupError, match="not the record's bytes"):
        get(server, out, machines=["fan"], parts=("dev",), from_dir=hand)
    assert not list(out.rglob("*.wav"))
    with pytest.raises(GensupError, match="no such folder"):
        get(server, out, from_dir=tmp_path / "nowhere")


def test_without_any_network(server: Server, out: Path, tmp_path: Path) -> None:
    hand = tmp_path / "hand"
    hand.mkdir()
    (hand / "dev_fan.zip").write_bytes(server.records[DEV]["dev_fan.zip"])
    record = json.dumps(server.json_of(DEV))
    server.mischief["record"] = ["status 404"] * 9
    how: dict[str, Any] = {"machines": ["fan"], "parts": ("dev",)}
    with pytest.raises(GensupError, match=rf"save that address as {DEV}\.json beside the archives"):
        get(server, out, from_dir=hand, **how)
    (hand / f"{DEV}.json").write_text(record)
    server.asked.clear()
    get(server, out, from_dir=hand, **how)
    assert server.asked == []
    assert len(list(out.rglob("*.wav"))) == 4


def test_a_record_is_kept_for_days_without_a_network(server: Server, out: Path) -> None:
    get(server, out, parts=("dev",))
    server.mischief["record"] = ["status 503"] * 9
    notes = Notes()
    assert not any(one.fetched for one in get(server, out, notes, parts=("dev",)))
    assert any("the copy of an earlier download" in text for text in notes)


def test_what_there_is(server: Server, out: Path) -> None:
    def state() -> dict[str, tuple[str, int]]:
        parts: tuple[Part, ...] = ("dev", "additional")
        offers = available(2024, parts=parts, out=out, mirror=server.base)
        return {offer.file: (offer.state, offer.begun) for offer in offers}

    nothing = {
        "dev_ToyCar.zip": ("not here", 0),
        "dev_fan.zip": ("not here", 0),
        "eval_data_3DPrinter_train_r2.zip": ("not here", 0),
    }
    assert state() == nothing
    assert not out.exists()
    get(server, out, machines=["fan"], parts=("dev",))
    get(server, out, machines=["3DPrinter"], parts=("additional",), unzip=False)
    (out / "dcase2024t2/zips/dev_ToyCar.zip.part").write_bytes(b"12345")
    sizes = {name: len(data) for files in server.records.values() for name, data in files.items()}
    assert state() == {
        "dev_ToyCar.zip": ("begun", 5),
        "dev_fan.zip": ("unpacked", sizes["dev_fan.zip"]),
        "eval_data_3DPrinter_train_r2.zip": ("fetched", sizes["eval_data_3DPrinter_train_r2.zip"]),
    }


def test_room_is_asked_for_before_the_first_byte(server: Server, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    size = len(server.records[DEV]["dev_fan.zip"])
    free = 2 * size - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free))
    with pytest.raises(GensupError, match="too little space"):
        get(server, out, machines=["fan"], parts=("dev",))
    assert asked_files(server) == []
    get(server, out, machines=["fan"], parts=("dev",), unzip=False)
    assert len(asked_files(server)) == 1


def test_one_download_of_a_year_at_a_time(server: Server, out: Path) -> None:
    with RunLock(out / "dcase2024t2/zips"), pytest.raises(GensupError, match="another gensup is writing here"):
        get(server, out)


def test_a_damaged_receipt_is_named(server: Server, out: Path) -> None:
    get(server, out, machines=["fan"], parts=("dev",))
    receipt = out / "dcase2024t2/zips/dev_fan.zip.json"
    receipt.write_text('{"schema": 1}')
    with pytest.raises(GensupError, match=r"dev_fan\.zip\.json: a damaged receipt"):
        get(server, out, machines=["fan"], parts=("dev",))
    receipt.unlink()
    server.asked.clear()
    get(server, out, machines=["fan"], parts=("dev",))
    assert asked_files(server) == []


def test_killed_at_any_change_it_ends_with_the_same_bytes(server: Server, tmp_path: Path) -> None:
    job = partial(whole_year, server.base)
    changes = killing.born(job, tmp_path / "undisturbed").changes()
    assert changes is not None
    expected = contents(tmp_path / "undisturbed")
    assert sum(name.endswith(".wav") for name in expected) == 10
    for point in range(POINTS):
        low, high = (changes * i // POINTS for i in (point, point + 1))
        at = 1 + int(generator("killed download", point).integers(low, high))
        out = tmp_path / str(at)
        assert killing.born(job, out, at=at).changes() is None
        for path in out.rglob("raw/[!.]*/**/*.wav"):
            assert path.read_bytes() == (tmp_path / "undisturbed" / path.relative_to(out)).read_bytes()
        whole_year(server.base, out)
        assert contents(out) == expected, f"killed at change {at} of {changes}"


def command(server: Server, *words: object) -> list[str]:
    return [sys.executable, "-m", "gensup", "download", "2024", "--mirror", server.base, *map(str, words)]


def run(server: Server, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(server, *words), capture_output=True, text=True, check=False)


def test_the_command_lists_and_downloads(server: Server, out: Path) -> None:
    listed = run(server, "--list", "--out", out, "--part", "dev")
    assert listed.returncode == 0, listed.stderr
    assert "dev_ToyCar.zip" in listed.stdout
    assert f"record {DEV} (dev): cc-by-4.0" in listed.stdout
    assert not out.exists()
    done = run(server, "--machine", "ToyCar", "--machine", "3dprinter", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["part"], row["machine"], row["unpacked"]) for row in rows] == [
        ("dev", "ToyCar", True),
        ("additional", "3DPrinter", True),
        ("eval", "3DPrinter", True),
    ]
    again = run(server, "--machine", "ToyCar", "--out", out)
    assert "1 archives, 0 of them fetched now" in again.stdout


def test_the_command_fails_in_one_line(server: Server, out: Path) -> None:
    done = run(server, "--machine", "ToyCra", "--out", out)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean ToyCar?" in done.stderr.splitlines()[-1]


def test_killed_in_the_middle_the_command_continues(server: Server, out: Path) -> None:
    name, part = "dev_fan.zip", out / "dcase2024t2/zips/dev_fan.zip.part"
    half = len(server.records[DEV][name]) // 2
    server.mischief[name] = ["hang"]
    words = ("--machine", "fan", "--part", "dev", "--out", out)
    with subprocess.Popen(command(server, *words), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        wait_until(lambda: part.is_file() and part.stat().st_size == half)
        os.kill(child.pid, signal.SIGKILL)
    done = run(server, *words)
    assert done.returncode == 0, done.stderr
    assert server.fetched(name) == [None, f"bytes={half}-"]
    assert len(list(out.rglob("*.wav"))) == 4
    assert not part.exists()
