"""Fetching from a server that does everything wrong that servers do."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import requests

from gensup.errors import GensupError
from gensup.retrieval import Client, Patience, RecordFile, fetch, parse_record
from tests.support.records_server import Server, serving, wait_until

T = TypeVar("T")
NAME = "dev_fan.zip"
DATA = random.Random(0).randbytes(300_000)
QUICK = Patience(tries=4, worthwhile=1 << 30, timeout=1.0, pause=0.0, slowest=1000)


@dataclass
class Notes:
    said: list[str] = field(default_factory=list)
    followed: list[tuple[int, int, str]] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.said.append(text)

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        count = 0
        for item in items:
            count += 1
            yield item
        self.followed.append((count, total, doing))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server(records={7: {NAME: DATA}})) as running:
        yield running


def file_of(server: Server, client: Client) -> RecordFile:
    url = client.record_url(7)
    (file,) = parse_record(client.read(url, lambda text: None), 7, url).files
    return file


def get(server: Server, target: Path, patience: Patience = QUICK) -> Notes:
    notes, client = Notes(), Client(server.base, patience)
    fetch(client, 7, file_of(server, client), target, notes)
    return notes


def test_a_file_is_fetched_in_one_go(server: Server, tmp_path: Path) -> None:
    notes = get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert server.fetched(NAME) == [None]
    assert notes.followed == [(1, 1, f"{NAME}, MiB")]
    assert notes.said == []


def test_mebibytes_are_counted(server: Server, tmp_path: Path) -> None:
    server.records[7][NAME] = DATA * 10
    assert get(server, tmp_path / NAME).followed == [(3, 3, f"{NAME}, MiB")]
    server.records[7][NAME] = b"\0" * (2 << 20)
    assert get(server, tmp_path / "even").followed == [(2, 2, f"{NAME}, MiB")]


def test_an_empty_file_is_a_file(server: Server, tmp_path: Path) -> None:
    server.records[7][NAME] = b""
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == b""


def test_dropped_connections_are_continued_where_they_broke_off(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["drop 100000", "drop 50000"]
    notes = get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == [None, "bytes=100000-", "bytes=150000-"]
    assert len(notes.said) == 2


def test_a_truncated_body_is_continued(server: Server, tmp_path: Path) -> None:
    """An answer whose length is honest and too small: nothing but the record tells that bytes are missing."""
    part = tmp_path / f"{NAME}.part"
    part.write_bytes(DATA[:1000])
    server.mischief[NAME] = ["short 2000"]
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == ["bytes=1000-", "bytes=3000-"]


def test_a_page_instead_of_the_file_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["short 2000"]
    notes = get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert "2000 bytes of" in notes.said[0]


def test_a_server_that_cannot_continue_is_started_over_and_that_is_said(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["drop 100000", "whole"]
    notes = get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert any("started over" in text for text in notes.said)


def test_a_range_that_was_not_asked_for_is_not_believed(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["drop 100000", "shifted"]
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == [None, "bytes=100000-", None]


@pytest.mark.parametrize("left", [len(DATA), len(DATA) + 5])
def test_a_part_that_has_all_bytes_or_more(server: Server, tmp_path: Path, left: int) -> None:
    (tmp_path / f"{NAME}.part").write_bytes((DATA + b"12345")[:left])
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == ([] if left == len(DATA) else [None])


def test_a_wrong_byte_is_thrown_away_and_fetched_again(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["wrong", "wrong"]
    notes = get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == [None, None, None]
    assert sum("not those of the record" in text for text in notes.said) == 2


def test_a_wrong_byte_in_what_was_begun_is_found(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"\0" * 5000)
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == ["bytes=5000-", None]


def test_bytes_that_stay_wrong_never_get_the_name(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["wrong"] * 10
    with pytest.raises(GensupError, match="wrong bytes"):
        get(server, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []
    assert len(server.fetched(NAME)) == QUICK.wrong


def test_more_bytes_than_the_record_says_are_not_stored(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["long"]
    notes = get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert "more than the 300000 bytes" in notes.said[0]


@pytest.mark.parametrize("number", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_waited_for(server: Server, tmp_path: Path, number: int) -> None:
    server.mischief[NAME] = [f"status {number}"]
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA


@pytest.mark.parametrize("number", [400, 401, 403, 410, 451])
def test_what_does_not_pass_is_said_at_once(server: Server, tmp_path: Path, number: int) -> None:
    server.mischief[NAME] = [f"status {number}"]
    with pytest.raises(GensupError, match=f"refused .*{number}"):
        get(server, tmp_path / NAME)
    assert len(server.fetched(NAME)) == 1


def test_a_record_that_is_not_there(server: Server) -> None:
    with pytest.raises(GensupError, match=r"records/8: refused .*404"):
        Client(server.base, QUICK).read(f"{server.base}/records/8", lambda text: None)


def test_a_record_is_asked_for_again(server: Server) -> None:
    server.mischief["record"] = ["status 503", "drop 10"]
    client = Client(server.base, QUICK)
    assert file_of(server, client).size == len(DATA)
    assert len(server.asked) == 3


def test_pauses_double_and_retry_after_is_obeyed(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["status 503", "status 429", "status 429 77", "status 503"]
    slept: list[float] = []
    client = Client(server.base, Patience(tries=6, pause=1.0), slept.append)
    fetch(client, 7, file_of(server, client), tmp_path / NAME, Notes())
    assert slept == [1.0, 2.0, 77.0, 8.0]


def test_a_server_that_asks_for_hours_is_left_alone(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["status 429 7200"]
    with pytest.raises(GensupError, match="left alone for 7200 s"):
        get(server, tmp_path / NAME)


def test_a_retry_after_may_be_a_date(server: Server, tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=300)).strftime("%a,_%d_%b_%Y_%H:%M:%S_GMT")
    server.mischief[NAME] = [f"status 503 {soon}", "status 503 Mon,_01_Jan_2024_00:00:00_GMT", "status 503 soon"]
    slept: list[float] = []
    client = Client(server.base, Patience(tries=6, pause=1.0), slept.append)
    fetch(client, 7, file_of(server, client), tmp_path / NAME, Notes())
    assert 200 < slept[0] <= 300
    assert slept[1:] == [2.0, 4.0]


def test_a_redirect_that_takes_the_lock_off_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = requests.Response()
    answer.status_code, answer.url, answer.raw = 200, "http://elsewhere/records/7", io.BytesIO(b"{}")
    monkeypatch.setattr(requests, "get", lambda url, **how: answer)
    with pytest.raises(GensupError, match="led from https to http"):
        Client(patience=QUICK).read("https://zenodo.org/api/records/7", lambda text: None)


def test_tries_end_and_what_came_is_kept(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["drop 90000", *["status 503"] * 20]
    with pytest.raises(GensupError, match=r"503.*tried 4 times.*continues at 30 %"):
        get(server, tmp_path / NAME)
    assert (tmp_path / f"{NAME}.part").read_bytes() == DATA[:90_000]
    assert not (tmp_path / NAME).exists()
    server.mischief[NAME] = []
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME)[-1] == "bytes=90000-"


def test_tries_are_counted_anew_when_one_brought_something(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["drop 20000", "status 503", "status 503"] * 5
    get(server, tmp_path / NAME, replace(QUICK, tries=3, worthwhile=20_000))
    assert (tmp_path / NAME).read_bytes() == DATA
    server.mischief[NAME] = ["drop 20000"] * 14
    with pytest.raises(GensupError, match="tried 3 times"):
        get(server, tmp_path / "again", replace(QUICK, tries=3, worthwhile=20_001))


@pytest.mark.parametrize("trick", ["trickle", "hang"])
def test_a_stalled_connection_is_left_for_a_new_one(server: Server, tmp_path: Path, trick: str) -> None:
    server.mischief[NAME] = [trick]
    notes = get(server, tmp_path / NAME, replace(QUICK, timeout=0.2))
    assert (tmp_path / NAME).read_bytes() == DATA
    first, second = server.fetched(NAME)
    assert first is None
    assert second is not None
    assert second != "bytes=0-"
    assert ("only" if trick == "trickle" else "timed out") in notes.said[0]


def test_nobody_there(tmp_path: Path) -> None:
    with serving(Server()) as gone:
        pass
    with pytest.raises(GensupError, match=r"cannot be fetched.*refused.*tried 4 times"):
        Client(gone.base, QUICK).read(f"{gone.base}/records/7", lambda text: None)


def test_a_redirect_is_followed_with_its_range(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(DATA[:1000])
    server.mischief[NAME] = ["redirect"]
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA
    assert server.fetched(NAME) == ["bytes=1000-", "bytes=1000-"]


def test_a_mirror_serves_the_files_that_its_copies_of_records_have_elsewhere(server: Server, tmp_path: Path) -> None:
    server.foreign = "https://zenodo.invalid"
    get(server, tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA


@pytest.mark.parametrize("base", ["zenodo.org/api", "ftp://zenodo.org", "file:///etc", ""])
def test_a_mirror_is_a_web_address(base: str) -> None:
    with pytest.raises(GensupError, match="not a web address"):
        Client(base)


def test_killed_in_the_middle_and_continued(server: Server, tmp_path: Path) -> None:
    server.mischief[NAME] = ["hang"]
    target = tmp_path / NAME
    code = (
        "import sys; from pathlib import Path\n"
        "from gensup.retrieval import Client, SILENT, fetch, parse_record\n"
        "client = Client(sys.argv[1]); url = client.record_url(7)\n"
        "(file,) = parse_record(client.read(url, print), 7, url).files\n"
        "fetch(client, 7, file, Path(sys.argv[2]), SILENT)\n"
    )
    part = tmp_path / f"{NAME}.part"
    with subprocess.Popen([sys.executable, "-c", code, server.base, str(target)]) as child:
        wait_until(lambda: part.is_file() and part.stat().st_size == len(DATA) // 2)
        os.kill(child.pid, signal.SIGKILL)
    assert not target.exists()
    get(server, target)
    assert target.read_bytes() == DATA
    assert server.fetched(NAME) == [None, f"bytes={len(DATA) // 2}-"]


def test_a_full_disk_is_said(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(GensupError, match=r"No space left.*free some space"):
        get(server, tmp_path / NAME)
