"""What is on disk after anything at all has happened."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup import store
from gensup.errors import GensupError
from gensup.store import (
    SCHEMA,
    ArrayCache,
    Journal,
    RunLock,
    atomic,
    check_schema,
    open_run,
    read_json,
    read_manifest,
    sha256_file,
    sweep,
    update_run,
    write_bytes,
    write_json,
    write_manifest,
    write_text,
)

ROOT = Path(__file__).parents[1]


def start(script: str) -> subprocess.Popen[str]:
    """A Python process that is to be killed or waited for."""
    return subprocess.Popen(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------------------------------------------ whole files


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert tree(tmp_path) == {"new/a.txt": b"whole"}
    write_text(path, "é\r\n")
    assert path.read_bytes() == b"\xc3\xa9\r\n"
    write_bytes(path, b"")
    assert tree(tmp_path) == {"new/a.txt": b""}


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
)
def test_on_any_error_the_old_file_stays(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises((type(error), GensupError)), atomic(path) as temporary:  # noqa: PT012
        temporary.write_text("new")
        raise error
    assert tree(tmp_path) == {"a.txt": b"old"}


def test_a_full_disk_is_said_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(GensupError) as caught, atomic(tmp_path / "a.wav"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value) == (
        f"{tmp_path}/a.wav: cannot be written (got 'No space left on device'); free some space, or name another place"
    )


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"source.wav"), atomic(tmp_path / "a.wav"):
        (tmp_path / "source.wav").read_bytes()
    assert tree(tmp_path) == {}


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(GensupError, match=r"a.txt: cannot be written \(got 'Read-only file system'\); name a folder"):
        write_text(tmp_path / "a.txt", "x")
    with pytest.raises(GensupError, match=r"\.lock: cannot be written"), RunLock(tmp_path):
        pass


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    for write in (lambda: write_text(tmp_path / "a" / "b", "x"), lambda: Journal(tmp_path / "a" / "b").append({})):
        with pytest.raises(GensupError, match="cannot be written"):
            write()
    with pytest.raises(GensupError, match="cannot be written"):
        open_run(tmp_path / "a", {})


def test_only_files_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(GensupError, match="a folder stands where a file is to be"):
        write_text(tmp_path / "folder", "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(GensupError, match="a device stands where a file is to be"):
        write_text(tmp_path / "pipe", "x")
    (tmp_path / "far.txt").write_text("old")
    (tmp_path / "link").symlink_to("far.txt")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far.txt").read_text() == "new"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    name = "音" * 85
    write_text(tmp_path / name, "x")
    assert list(tree(tmp_path)) == [name]
    with pytest.raises(GensupError, match="name it shorter"):
        write_text(tmp_path / (name + "x"), "x")


def test_threads_may_write_the_same_name(tmp_path: Path) -> None:
    texts = [str(i) * 10_000 for i in range(8)]
    threads = [threading.Thread(target=write_text, args=(tmp_path / "a", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(tree(tmp_path)) == ["a"]
    assert (tmp_path / "a").read_text() in texts


def test_file_and_folder_reach_the_disk_before_and_after_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        sync(descriptor)

    def replaced(old: Path, new: Path) -> Path:
        done.append("name")
        return replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_text(tmp_path / "a", "x")
    assert done == ["file", "name", "folder"]


def test_killed_writers_leave_no_half_file_and_their_traces_can_be_swept(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from gensup.store import atomic\n"
        f"for i in range(10**9):\n    with atomic(Path({str(tmp_path)!r}, 'clips', str(i % 3))) as t:\n"
        "        f = t.open('wb')\n        for _ in range(50): f.write(b'x' * 2000); f.flush()\n        f.close()\n"
        "    if i == 3: print('writing', flush=True)\n"
    )
    for wait in (0.0, 0.003, 0.006):
        with start(script) as writer:
            assert writer.stdout
            writer.stdout.readline()
            time.sleep(wait)
            writer.kill()
    (tmp_path / ".keep.tmp").write_text("mine")
    (tmp_path / "a.12-0.tmp").write_text("mine")
    (tmp_path / ".a.12-0.tmp").write_text("left behind")
    assert sweep(tmp_path) >= 1
    left = tree(tmp_path)
    assert set(left) == {".keep.tmp", "a.12-0.tmp", "clips/0", "clips/1", "clips/2"}
    assert all(left[f"clips/{i}"] == b"x" * 100_000 for i in range(3))


# ------------------------------------------------------------------------------------------------ JSON


def test_json_is_canonical(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5, None, True], "a": "é", "stray\udcff": "\\udcff"})
    text = '{\n  "a": "é",\n  "b": [\n    1,\n    2.5,\n    null,\n    true\n  ],\n  "stray\\udcff": "\\\\udcff"\n}\n'
    assert (tmp_path / "a.json").read_bytes() == text.encode()
    assert read_json(tmp_path / "a.json") == {"b": [1, 2.5, None, True], "a": "é", "stray\udcff": "\\udcff"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_json_has_no_such_numbers(value: Any, tmp_path: Path) -> None:
    for write in (lambda: write_json(tmp_path / "a", value), lambda: Journal(tmp_path / "a").append({"a": value})):
        with pytest.raises(GensupError, match=r"/a: cannot be written as JSON .*; numbers are finite"):
            write()
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("data", [b"", b"{", b"{}x", b"\xff", b"NaN", b'{"a": Infinity}', b"[" * 100_000])
def test_damaged_json_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(GensupError, match=r"a\.json: not valid JSON"):
        read_json(tmp_path / "a.json")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for read in (read_json, sha256_file, read_manifest):
        with pytest.raises(GensupError, match=r"none: cannot be read .got 'No such file or directory'"):
            read(tmp_path / "none")
        with pytest.raises(GensupError, match="cannot be read"):
            read(tmp_path)
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "a") == sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize("found", [None, "1", True, 0, -1, 1.0])
def test_a_record_without_its_schema(found: object) -> None:
    with pytest.raises(GensupError, match=r"run\.json: no schema number"):
        check_schema(found, "run.json")


def test_a_record_from_the_future_says_what_to_install() -> None:
    check_schema(SCHEMA, "run.json")
    with pytest.raises(GensupError) as caught:
        check_schema(SCHEMA + 1, "run.json", "9.1.0")
    assert "run.json: written by a newer gensup (got 'schema 2')" in str(caught.value)
    assert caught.value.remedy == "pip install 'gensup>=9.1.0'"
    with pytest.raises(GensupError, match="pip install --upgrade gensup"):
        check_schema(SCHEMA + 1, "run.json", "; rm -rf /")


# ------------------------------------------------------------------------------------------------ journals


def test_a_journal_gives_back_its_rows(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new" / "w0.jsonl")
    assert journal.read() == []
    journal.append({"b": 1, "a": "line\nend\u2028\x85"})
    journal.append_many({"i": i} for i in range(3))
    journal.append_many([])
    assert journal.read() == [{"a": "line\nend\u2028\x85", "b": 1}, {"i": 0}, {"i": 1}, {"i": 2}]
    assert journal.path.read_bytes().startswith(b'{"a":"line\\nend')
    assert journal.path.read_bytes().count(b"\n") == 4


def test_many_rows_are_one_sync_and_one_bad_row_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "w0.jsonl")
    journal.append({})
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal.append_many({"i": i} for i in range(1000))
    assert len(synced) == 1
    with pytest.raises(GensupError):
        journal.append_many([{"i": 1}, {"i": float("nan")}])
    assert len(journal.read()) == 1001


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=3), max_size=6), st.data())
def test_cut_anywhere_a_journal_keeps_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "w0.jsonl")
    journal.append_many(rows)
    whole = journal.path.read_bytes() if rows else b""
    cut = data.draw(st.integers(0, len(whole)))
    journal.path.write_bytes(whole[:cut])
    kept = rows[: whole[:cut].count(b"\n")]
    assert journal.read() == kept
    journal.append({"after": 1})
    assert journal.read() == [*kept, {"after": 1}]


def test_a_long_half_line_is_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "w0.jsonl")
    journal.append({"a": 1})
    with journal.path.open("ab") as file:
        file.write(b'{"scores":[' + b"0.5," * 100_000)
    assert journal.read() == [{"a": 1}]
    journal.append({"b": 2})
    assert journal.path.read_bytes() == b'{"a":1}\n{"b":2}\n'


@pytest.mark.parametrize("line", [b"{", b"[1]", b"", b"\x00\x00", b'{"a": NaN}', b"\xff", b'"text"'])
def test_damage_in_the_middle_is_named(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "w0.jsonl").write_bytes(b'{"a":1}\n' + line + b'\n{"b":2}\n')
    with pytest.raises(GensupError, match=r"w0\.jsonl, line 2: not .*; take the line out, or restore the file"):
        Journal(tmp_path / "w0.jsonl").read()


def test_a_killed_writer_loses_no_row_it_was_told_of(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "w0.jsonl")
    script = (
        "from pathlib import Path; from gensup.store import Journal\n"
        f"journal = Journal(Path({str(journal.path)!r}))\n"
        "for i in range(10**9):\n    journal.append({'i': i, 'x': 'x' * 5000}); print(i, flush=True)\n"
    )
    with start(script) as writer:
        assert writer.stdout
        told = [int(writer.stdout.readline()) for _ in range(20)]
        writer.kill()
        told += [int(line) for line in writer.stdout.read().splitlines()]
    rows = [row["i"] for row in journal.read()]
    assert rows[: len(told)] == told
    assert rows == list(range(len(rows)))


# ------------------------------------------------------------------------------------------------ manifests


def test_a_manifest_has_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": f"{i:02}", "file_name": f"clips/{i}.wav", "caption": "é"} for i in range(12)]
    write_manifest(tmp_path / "a.jsonl", rows)
    write_manifest(tmp_path / "b.jsonl", [dict(reversed(row.items())) for row in reversed(rows)])
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    first = '{"caption":"é","file_name":"clips/0.wav","id":"00"}\n'
    assert (tmp_path / "a.jsonl").read_bytes().startswith(first.encode())
    assert read_manifest(tmp_path / "a.jsonl") == rows
    write_manifest(tmp_path / "a.jsonl", [])
    assert read_manifest(tmp_path / "a.jsonl") == []


def test_another_tools_manifest_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_bytes(b'\xef\xbb\xbf{"file_name": "b.wav"}\r\n\r\n{"file_name": "..a/x..y.wav"}')
    rows = read_manifest(tmp_path / "m.jsonl", key="file_name")
    assert rows == [{"file_name": "b.wav"}, {"file_name": "..a/x..y.wav"}]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a"}, "two rows of one id (got 'a')"),
        ({"id": "b", "file_name": "a.wav"}, "two rows of one file (got 'a.wav')"),
        ({}, "a row without an id"),
        ({"id": 3}, "a row without an id (got 3)"),
        ({"id": ""}, "a row without an id (got '')"),
        ({"id": "b", "file_name": None}, "no file name"),
        ({"id": "b", "file_name": ""}, "no file name (got '')"),
        ({"id": "b", "file_name": "a\0b"}, "no file name"),
        ({"id": "b", "file_name": "/etc/passwd"}, "an unsafe file name (got '/etc/passwd')"),
        ({"id": "b", "file_name": "../a.wav"}, "an unsafe file name"),
        ({"id": "b", "file_name": "clips/../../a.wav"}, "an unsafe file name"),
        ({"id": "b", "file_name": "clips\\..\\a.wav"}, "an unsafe file name"),
        ({"id": "b", "file_name": "C:\\a.wav"}, "an unsafe file name"),
        ({"id": "b", "file_name": "\\\\host\\a.wav"}, "an unsafe file name"),
        ({"id": "b", "schema": SCHEMA + 1}, "written by a newer gensup"),
    ],
)
def test_bad_rows_are_named(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": "a", "file_name": "a.wav"}, row]
    with pytest.raises(GensupError) as caught:
        write_manifest(tmp_path / "metadata.jsonl", rows)
    assert str(caught.value).startswith(f"{tmp_path}/metadata.jsonl, row 2: {message}")
    assert tree(tmp_path) == {}
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(GensupError) as caught:
        read_manifest(tmp_path / "metadata.jsonl")
    assert str(caught.value).startswith(f"{tmp_path}/metadata.jsonl, line 2: {message}")


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"id": "a"'])
def test_damaged_manifest_lines_are_named_the_last_one_too(line: str, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"id": "0"}\n' + line)
    with pytest.raises(GensupError, match=r"m\.jsonl, line 2: not "):
        read_manifest(tmp_path / "m.jsonl")


# ------------------------------------------------------------------------------------------------ locks


def test_one_writer_a_folder(tmp_path: Path) -> None:
    with RunLock(tmp_path / "run"):
        with pytest.raises(GensupError) as caught, RunLock(tmp_path / "run"):
            pass
        assert f"another gensup is writing here (got 'pid {os.getpid()} on " in str(caught.value)
        assert str(caught.value).startswith(f"{tmp_path}/run: ")
        with RunLock(tmp_path / "other"):
            pass
    assert tree(tmp_path) == {}
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path / "run"):
        raise ZeroDivisionError
    with RunLock(tmp_path / "run"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    script = (
        "import time; from pathlib import Path; from gensup.store import RunLock\n"
        f"with RunLock(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(600)\n"
    )
    with start(script) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(GensupError, match=f"pid {holder.pid} on"), RunLock(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    (tmp_path / ".a.wav.1-0.tmp").write_text("half")
    with RunLock(tmp_path):
        assert list(tree(tmp_path)) == [".lock"]  # what the dead one left half-written is gone
    assert tree(tmp_path) == {}


def test_many_at_once_and_only_one_inside(tmp_path: Path) -> None:
    script = (
        "import os; from pathlib import Path; from gensup.store import RunLock; from gensup.errors import GensupError\n"
        f"folder = Path({str(tmp_path)!r}); entered = 0\n"
        "while entered < 30:\n"
        "    try:\n"
        "        with RunLock(folder):\n"
        "            os.close(os.open(folder / 'inside', os.O_CREAT | os.O_EXCL)); (folder / 'inside').unlink()\n"
        "            entered += 1\n"
        "    except GensupError: pass\n"
        "print(entered)\n"
    )
    writers = [start(script) for _ in range(3)]
    assert [writer.communicate()[0] for writer in writers] == ["30\n"] * 3


def test_a_lock_on_a_file_that_has_lost_its_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, seen = fcntl.flock, []

    def slow(descriptor: int, operation: int) -> None:
        if not seen:  # between our opening the file and our locking it, its holder leaves and removes it
            (tmp_path / ".lock").unlink()
        seen.append(descriptor)
        flock(descriptor, operation)

    monkeypatch.setattr("gensup.store.lock.fcntl.flock", slow)
    with RunLock(tmp_path):
        assert len(seen) == 2
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("gensup.store.lock.fcntl.flock", unsupported)
    with caplog.at_level(logging.WARNING), RunLock(tmp_path):
        pass
    assert "has no locks" in caplog.text


# ------------------------------------------------------------------------------------------------ runs


CONFIG: dict[str, Any] = {
    "machine": "fan",
    "seed": 0,
    "detector": {"pooling": {"decay": 0.5}, "name": "x"},
    "on": [1, 2],
}


def test_a_run_begins_and_continues(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run", CONFIG)
    assert run == {"gensup": store.version(), "schema": SCHEMA, "config": CONFIG}
    before = tree(tmp_path)
    assert list(before) == ["run/run.json"]
    assert open_run(tmp_path / "run", {**CONFIG, "on": (1, 2)}) == run
    assert tree(tmp_path) == before


def test_a_run_may_begin_under_its_lock_and_after_a_killed_one(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        (tmp_path / ".run.json.77-0.tmp").write_text("{")
        assert open_run(tmp_path, CONFIG)["config"] == CONFIG


def test_another_configuration_is_refused_with_what_differs(tmp_path: Path) -> None:
    open_run(tmp_path, CONFIG)
    other = {"machine": "fan", "seed": "0", "detector": {"pooling": {"decay": 0.25}, "name": "x"}, "on": [1], "new": {}}
    with pytest.raises(GensupError) as caught:
        open_run(tmp_path, other)
    assert str(caught.value) == (
        f"{tmp_path}/run.json: a run of another configuration; there detector.pooling.decay = 0.5, now 0.25; "
        'new = absent, now {}; on = [1,2], now [1]; seed = 0, now "0"; name another --out, or remove the folder'
    )
    with pytest.raises(GensupError, match="and 12 more;"):
        open_run(tmp_path, CONFIG | {f"key{i}": i for i in range(20)})
    with pytest.raises(GensupError, match="seed = 0, now false"):
        open_run(tmp_path, CONFIG | {"seed": False})


def test_foreign_files_are_never_mixed_with(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", ".hidden", "d.wav"):
        (tmp_path / name).touch()
    with pytest.raises(GensupError) as caught:
        open_run(tmp_path, CONFIG)
    assert f"{tmp_path}: the folder holds other files (got '.hidden, a.wav, b.wav, ...')" in str(caught.value)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("[]", "not a run.json of gensup"),
        ('{"schema": 1}', "not a run.json of gensup"),
        ('{"config": {}}', "no schema number"),
        ('{"config": {}, "schema": 99, "gensup": "7.0"}', "pip install 'gensup>=7.0'"),
    ],
)
def test_a_run_json_that_is_not_ours(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    for call in (lambda: open_run(tmp_path, CONFIG), lambda: update_run(tmp_path, verdict={})):
        with pytest.raises(GensupError) as caught:
            call()
        assert message in str(caught.value)
    assert tree(tmp_path) == {"run.json": text.encode()}


def test_sections_are_added(tmp_path: Path) -> None:
    open_run(tmp_path, CONFIG)
    update_run(tmp_path, verdict={"answer": "hedge"})
    written = update_run(tmp_path, data="sha256", verdict={"answer": "select"})
    assert written == read_json(tmp_path / "run.json")
    assert written["verdict"] == {"answer": "select"}
    assert open_run(tmp_path, CONFIG) == written
    with pytest.raises(ValueError, match="'config' is fixed"):
        update_run(tmp_path, config={})


# ------------------------------------------------------------------------------------------------ cache


def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "x": np.asfortranarray(rng.normal(size=(4, 3)).astype(np.float32)),
        "big": np.arange(5, dtype=">i4"),
        "mask": np.array([True, False]),
        "empty": np.zeros((0, 7)),
        "scalar": np.array(3.5),
    }


def test_warm_is_cold_to_the_last_bit(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> dict[str, Any]:
        calls.append(1)
        return arrays()

    cold = ArrayCache(tmp_path).get("log-mel", 1, {"n_fft": 1024}, ["aa"], make)
    warm = ArrayCache(tmp_path).get("log-mel", 1, {"n_fft": 1024}, ["aa"], make)
    assert len(calls) == 1
    assert list(cold) == list(warm) == sorted(arrays())
    for name, array in arrays().items():
        for found in (cold[name], warm[name]):
            assert np.array_equal(found, array)
            assert found.shape == array.shape
            assert found.dtype == array.dtype.newbyteorder("=")
            assert found.flags.c_contiguous
            assert found.flags.writeable


def test_nothing_shared_with_the_maker(tmp_path: Path) -> None:
    kept = {"x": np.zeros(2)}
    ArrayCache(tmp_path).get("p", 1, {}, [], lambda: kept)["x"][:] = 1
    assert not kept["x"].any()


def test_each_part_of_the_key_counts(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    keys: list[tuple[Any, ...]] = [
        ("a", 1, {"p": 1}, ["x", "y"]),
        ("b", 1, {"p": 1}, ["x", "y"]),
        ("a", 2, {"p": 1}, ["x", "y"]),
        ("a", 1, {"p": 2}, ["x", "y"]),
        ("a", 1, {"p": 1.0}, ["x", "y"]),
        ("a", 1, {"p": 1}, ["y", "x"]),
        ("a", 1, {"p": 1}, ["xy"]),
    ]
    for number, key in enumerate(keys):
        cache.get(*key, lambda number=number: {"n": np.array(number)})
    assert [int(cache.get(*key, dict)["n"]) for key in keys] == list(range(len(keys)))


def test_two_makers_write_the_same_bytes(tmp_path: Path) -> None:
    ArrayCache(tmp_path / "one").get("p", 1, {}, ["x"], arrays)
    ArrayCache(tmp_path / "two").get("p", 1, {}, ["x"], lambda: dict(reversed(arrays().items())))
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert len(tree(tmp_path / "one")) == 1


@pytest.mark.parametrize("damage", ["empty", "cut", "bit", "garbage", "header"])
def test_a_damaged_entry_is_made_again_and_said(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ArrayCache(tmp_path)
    cache.get("p", 1, {}, ["x"], arrays)
    path = cache.path("p", 1, {}, ["x"])
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[-1] ^= 1
    path.write_bytes(
        {
            "empty": b"",
            "cut": good[:-1],
            "bit": bytes(flipped),
            "garbage": b"\x80\x04.",
            "header": b"\xff" * 8 + good[8:],
        }[damage]
    )
    with caplog.at_level(logging.WARNING):
        again = cache.get("p", 1, {}, ["x"], arrays)
    assert f"{path}: damaged cache entry, made again" in caplog.text
    assert np.array_equal(again["x"], arrays()["x"])
    assert path.read_bytes() == good
    caplog.clear()
    cache.get("p", 1, {}, ["x"], dict)
    assert not caplog.text


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def make() -> dict[str, Any]:
        raise GensupError("silent clip")

    with pytest.raises(GensupError, match="silent clip"):
        ArrayCache(tmp_path).get("p", 1, {}, [], make)
    assert tree(tmp_path) == {}


# ------------------------------------------------------------------------------------------------ weight


def test_the_ground_floor_loads_no_numerics() -> None:
    script = (
        "import sys; import gensup.store, gensup.engine, gensup.registry, gensup.resources, gensup.rng, gensup.clip\n"
        "print(sorted({'numpy', 'scipy', 'torch', 'sklearn', 'ray', 'safetensors', 'ruamel'} & set(sys.modules)))\n"
    )
    with start(script) as process:
        assert process.communicate()[0] == "[]\n"
