"""Asking a server, patiently: what may pass is tried again, what will not is said at once.

requests does the talking (it comes with diffusers, and knows proxies and certificates). What is tried again is decided
here, because it must be decided for the answer's body too: a gigabyte breaks off in its middle, not in its head.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit

from gensup.errors import GensupError
from gensup.store import version

if TYPE_CHECKING:
    import requests

    from gensup.retrieval.record import RecordFile

T = TypeVar("T")
ZENODO = "https://zenodo.org/api"
BLOCK = 1 << 16  # bytes read at once
MAX_RECORD = 1 << 24  # bytes of a record's JSON
_PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited and how often tried; seconds and bytes."""

    tries: int = 6
    """In a row that brought less than ``worthwhile``."""
    worthwhile: int = 1 << 20
    wrong: int = 3
    """Whole files with a wrong checksum."""
    timeout: float = 30.0
    """Until connected, and between two pieces of an answer."""
    slowest: int = 1024
    """Bytes a second over ``timeout``: less is a stalled connection, which a new one often cures."""
    pause: float = 1.0
    """Before the second try; doubled before every further one, up to ``longest``."""
    longest: float = 60.0
    asked: float = 900.0
    """The longest Retry-After that is obeyed."""


class PassingError(Exception):
    """What may be over at the next try. ``after``: seconds that the server asks for, or None."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks to one server: Zenodo, or a mirror whose ``records/<id>`` answers alike.

    Raises:
        GensupError: the address is no http(s) address.
    """

    base: str = ZENODO
    patience: Patience = Patience()
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise GensupError("not a web address", where="--mirror", value=self.base, rule=f"like {ZENODO}")
        object.__setattr__(self, "base", self.base.rstrip("/"))

    def record_url(self, record: int) -> str:
        """Where a record's JSON is asked for."""
        return f"{self.base}/records/{record}"

    def file_url(self, record: int, file: RecordFile) -> str:
        """Where a file is fetched: as the record says, when that is on this server.

        A mirror of Zenodo's answers repeats addresses on Zenodo; there the API's own path is used.
        """
        if file.url and urlsplit(file.url)[:2] == urlsplit(self.base)[:2]:
            return file.url
        return f"{self.record_url(record)}/files/{quote(file.name)}/content"

    def read(self, url: str, note: Callable[[str], None]) -> bytes:
        """A small answer's bytes.

        Raises:
            GensupError: refused, too large, or out of tries.
        """

        def once() -> bytes:
            with self.open(url) as answer:
                data = b""
                for piece in self.pieces(answer):
                    data += piece
                    if len(data) > MAX_RECORD:
                        raise GensupError("too large for a record", where=url, rule=f"at most {MAX_RECORD} bytes")
                length = answer.headers.get("Content-Length", "")
                if length.isdecimal() and int(length) != len(data):
                    raise PassingError(f"broke off after {len(data)} of {length} bytes")
                return data

        for tried in range(1, self.patience.tries + 1):
            try:
                return once()
            except PassingError as passing:
                self.wait(url, tried, passing, note)
        raise AssertionError

    def wait(self, url: str, tried: int, passing: PassingError, note: Callable[[str], None], so_far: str = "") -> None:
        """After the ``tried``-th vain try in a row (0: it brought something): say why, and wait for the next.

        Raises:
            GensupError: that was the last, or the server asks for more time than is given to it.
        """
        patience = self.patience
        after = min(patience.pause * 2 ** max(tried - 1, 0), patience.longest)
        if passing.after is not None:
            after = max(after, passing.after)
        if tried >= patience.tries or after > patience.asked:
            tired = f"tried {tried} times" if tried >= patience.tries else f"it asks to be left alone for {after:.0f} s"
            raise GensupError(
                "cannot be fetched",
                where=url,
                value=str(passing),
                rule=tired,
                remedy=f"later the same command continues{so_far}; or fetch it by hand, then --from-dir",
            )
        note(f"{url}: {passing}; again in {after:.0f} s")
        self.sleep(after)

    @contextmanager
    def open(self, url: str, start: int = 0) -> Iterator[requests.Response]:
        """An answer whose body is still to be read with ``pieces``; from byte ``start`` on, if the server can.

        Raises:
            PassingError: no answer, or one that may be another next time.
            GensupError: an answer that will not change.
        """
        import requests

        headers = {"User-Agent": f"gensup/{version()}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            answer = requests.get(url, headers=headers, timeout=self.patience.timeout, stream=True)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise PassingError(_short(error)) from None
        except requests.RequestException as error:
            raise GensupError("cannot be asked", where=url, value=_short(error)) from None
        with answer:
            if url.startswith("https:") and not answer.url.startswith("https:"):
                raise GensupError("led from https to http", where=url, value=answer.url, remedy="do not trust it")
            if answer.status_code in _PASSING:
                raise PassingError(_status(answer), _after(answer.headers.get("Retry-After", "")))
            if answer.status_code not in (200, 206, 416):
                raise GensupError(
                    "refused",
                    where=url,
                    value=_status(answer),
                    remedy="look whether it is still there; a file fetched by hand is taken with --from-dir",
                )
            yield answer

    def pieces(self, answer: requests.Response) -> Iterator[bytes]:
        """The body as it comes in.

        Raises:
            PassingError: it broke off, or trickles.
        """
        from urllib3.exceptions import HTTPError

        began, got = time.monotonic(), 0
        try:
            while piece := answer.raw.read1(BLOCK):
                yield piece
                got += len(piece)
                now = time.monotonic()
                if now - began > self.patience.timeout:
                    if got < self.patience.slowest * (now - began):
                        raise PassingError(f"only {got} bytes in {now - began:.0f} s")
                    began, got = now, 0
        except (HTTPError, ConnectionError, TimeoutError) as error:
            raise PassingError(_short(error)) from None


def _status(answer: requests.Response) -> str:
    return f"{answer.status_code} {answer.reason}".strip()


def _after(said: str) -> float | None:
    """Seconds of a Retry-After, which is a number of them or a date."""
    if said.strip().isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):  # TypeError: a date without a time zone
        return None


def _short(error: Exception) -> str:
    """The innermost reason, without the objects that the libraries quote around it."""
    inner: BaseException = error
    while True:
        reason = getattr(inner, "reason", None)
        if not isinstance(reason, BaseException):
            reason = next((arg for arg in inner.args if isinstance(arg, BaseException)), None)
        if reason is None:
            break
        inner = reason
    text = str(inner)
    return re.sub(r"^.*?(?:>|Connection\([^)]*\)): ", "", text) or type(inner).__name__
