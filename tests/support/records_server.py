"""A records server on this machine that misbehaves as it is told: the only network that the tests know."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

from gensup.retrieval import Client, Patience
from gensup.steps.download import download


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 4, 1, 0, 0, 0)), data, compression)
    return out.getvalue()


@dataclass(slots=True)
class Server:
    """Serves ``/api/records/<id>`` and the files of each record.

    Attributes:
        records: the files of each record, by name.
        mischief: by file name, or by ``record`` for every record's JSON: what the next requests meet, one each; then
            all is well. ``drop N`` (the connection ends after N bytes), ``status N`` or ``status N AFTER`` (with
            Retry-After: seconds, or a date with ``_`` for blanks), ``whole`` (Range is ignored), ``short N`` (an
            honest answer of N bytes), ``wrong`` (one byte is another), ``trickle`` (a byte now and then), ``hang``
            (nothing more after half), ``redirect``, ``shifted`` (a range that was not asked for), ``long`` (more bytes
            than the record says).
        asked: every request: path, and Range or None.
        foreign: the host that the records' links name instead of this one.
    """

    records: dict[int, dict[str, bytes]] = field(default_factory=dict)
    licences: dict[int, str] = field(default_factory=dict)
    mischief: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    foreign: str = ""
    form: str = "zenodo"
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def fetched(self, name: str) -> list[str | None]:
        """The ranges that were asked for of one file."""
        return [said for path, said in self.asked if path.endswith(f"/{name}/content")]

    def json_of(self, record: int) -> dict[str, Any]:
        host = self.foreign or f"http://127.0.0.1:{self.port}"
        rows = [
            {
                "key": name,
                "size": len(data),
                "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
                "links": {"self": f"{host}/api/records/{record}/files/{name}/content"},
            }
            for name, data in self.records[record].items()
        ]
        licence = self.licences.get(record, "cc-by-nc-sa-4.0")
        metadata = {"title": f"DCASE Task 2, {record}", "license": {"id": licence}}
        if self.form == "zenodo":
            return {"id": record, "metadata": metadata, "files": rows}
        entries = {row["key"]: row | {"links": {"self": "metadata", "content": row["links"]["self"]}} for row in rows}
        rights = {"title": metadata["title"], "rights": [{"id": licence}]}
        return {"id": str(record), "metadata": rights, "files": {"enabled": True, "entries": entries}}


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run a server until the block ends."""
    handler = type("Handler", (_Handler,), {"world": server})
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    httpd.daemon_threads = True
    server.port = httpd.server_address[1]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}):
            yield server
    finally:
        server.ended.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    world: Server
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # of a client that was killed
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        asked = self.headers.get("Range")
        self.world.asked.append((path, asked))
        words = path.removeprefix("/moved").split("/")
        record = int(words[3]) if len(words) > 3 and words[3].isdecimal() else -1
        files = self.world.records.get(record)
        key = words[5] if len(words) == 7 else "record"
        trick = self.world.mischief[key].pop(0) if self.world.mischief[key] else ""
        if files is None or (key != "record" and key not in files):
            self._status(404)
        elif trick.startswith("status"):
            self._status(int(trick.split()[1]), trick.split()[2:])
        elif trick == "redirect":
            self._status(302, location=f"/moved{path}")
        elif key == "record":
            self._body(json.dumps(self.world.json_of(record)).encode(), None, trick)
        else:
            self._body(files[key], asked, trick)

    def _status(self, number: int, after: list[str] | None = None, location: str = "") -> None:
        self.send_response(number)
        if after:
            self.send_header("Retry-After", after[0].replace("_", " "))
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self, data: bytes, asked: str | None, trick: str) -> None:
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and trick != "whole" else 0
        if trick == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if trick == "long":
            data += b"more"
        if asked and start >= len(data):
            self._status(416)
            return
        body = data[start:]
        if trick.startswith("short"):
            body = body[: int(trick.split()[1])]
        if start or (asked and trick != "whole"):
            self.send_response(206)
            first = start + (1 if trick == "shifted" else 0)
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if trick == "long":
            self.close_connection = True  # without a length: the client cannot know when it ends
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self._write(body, trick)
        except OSError:
            self.close_connection = True

    def _write(self, body: bytes, trick: str) -> None:
        if trick.startswith("drop"):
            self.wfile.write(body[: int(trick.split()[1])])
            self.wfile.flush()
            self.close_connection = True
        elif trick == "hang":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.world.ended.wait(20)
            self.close_connection = True
        elif trick == "trickle":
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.world.ended.wait(0.02):
                    break
            self.close_connection = True
        else:
            self.wfile.write(body)


def whole_year(base: str, folder: Path) -> None:
    """A job for ``killing``: all of 2024 that a server has."""
    download(2024, out=folder, client=Client(base, Patience(pause=0.0)))


def wait_until(true: Any, seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
