"""A record's JSON: what is read of it, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gensup.errors import GensupError
from gensup.retrieval import Checksum, parse_record
from tests.support.records_server import Server

MD5 = "9e107d9d372bb6826bd81d3542a419d6"


def entry(**changed: Any) -> dict[str, Any]:
    row = {"key": "dev_fan.zip", "size": 5, "checksum": f"md5:{MD5}", "links": {"self": "https://host/x/content"}}
    return {key: value for key, value in (row | changed).items() if value is not None}


def parsed(*entries: dict[str, Any], **more: Any) -> Any:
    body = {"id": 7, "metadata": {"title": "T", "license": {"id": "cc-by-4.0"}}, "files": list(entries)} | more
    return parse_record(json.dumps(body).encode(), 7, "there")


def test_zenodos_form() -> None:
    record = parsed(entry())
    assert (record.id, record.title, record.licence) == (7, "T", "cc-by-4.0")
    (file,) = record.files
    assert (file.name, file.size, str(file.checksum), file.url) == (
        "dev_fan.zip",
        5,
        f"md5:{MD5}",
        "https://host/x/content",
    )


def test_both_forms_of_the_api_say_the_same() -> None:
    server = Server(records={7: {"dev_fan.zip": b"fan", "dev_ToyCar.zip": b"car"}})
    zenodo = parse_record(json.dumps(server.json_of(7)).encode(), 7, "there")
    server.form = "inveniordm"
    assert parse_record(json.dumps(server.json_of(7)).encode(), 7, "there") == zenodo


def test_older_answers_have_bare_digits_and_other_keys() -> None:
    old = {"filename": "dev_fan.zip", "filesize": 0, "checksum": MD5.upper()}
    (file,) = parsed(old).files
    assert (file.name, file.size, file.checksum, file.url) == ("dev_fan.zip", 0, Checksum("md5", MD5), None)


def test_a_record_without_a_licence_says_so() -> None:
    assert parsed(entry(), metadata={"title": "T"}).licence is None
    assert parsed(entry(), metadata={"license": "cc-by-4.0"}).licence == "cc-by-4.0"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (entry(checksum=None), "no checksum"),
        (entry(checksum="crc:12345678"), "no checksum"),
        (entry(checksum="md5:123"), "no checksum"),
        (entry(checksum=""), "no checksum"),
        (entry(checksum=":"), "no checksum"),
        (entry(size=None), "without a size"),
        (entry(size=-1), "without a size"),
        (entry(size=True), "without a size"),
        (entry(key="../dev_fan.zip"), "not safe"),
        (entry(key="a/dev_fan.zip"), "not safe"),
        (entry(key="a\\dev_fan.zip"), "not safe"),
        (entry(key=".lock"), "not safe"),
        (entry(key=""), "not safe"),
    ],
)
def test_a_file_that_cannot_be_checked_or_stored_is_refused(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(GensupError, match=said):
        parsed(broken)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html>maintenance</html>", "not valid JSON"),
        (b"[]", "not a record"),
        (b'{"message": "no such record"}', "not a record"),
        (b'{"files": []}', "without files"),
        (b'{"files": {"entries": null}}', "without files"),
        (b'{"files": ["dev_fan.zip"]}', "no object"),
        (json.dumps({"id": 8, "files": [entry()]}).encode(), "another record"),
        (json.dumps({"files": [entry(), entry()]}).encode(), "twice"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(GensupError, match=said):
        parse_record(data, 7, "there")


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512"])
def test_a_checksum_matches_its_bytes_alone(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"bytes" * 100_000)
    checksum = Checksum(algorithm, hashlib.new(algorithm, path.read_bytes()).hexdigest())
    assert checksum.matches(path)
    path.write_bytes(b"bytes" * 100_000 + b"!")
    assert not checksum.matches(path)
    with pytest.raises(GensupError, match="cannot be read"):
        checksum.matches(tmp_path / "nothing")
