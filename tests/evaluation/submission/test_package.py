"""A package's zip, honest and broken."""

from __future__ import annotations

import io
import zipfile

import pytest

from gensup.errors import GensupError
from gensup.evaluation.submission.package import package, read_zip

TREE = {
    f"task2/A_B_task2_1/anomaly_score_fan_section_{i:02d}_test.csv": b"section_00_0000.wav,1\n" * 50 for i in (0, 1)
}


def test_what_was_packed_is_read() -> None:
    assert read_zip(package(TREE), "a.zip") == TREE


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_stream_is_refused(method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.csv", bytes(range(256)) * 8)
    data = bytearray(out.getvalue())
    at = data.index(b"a.csv") + len(b"a.csv")
    data[at : at + 12] = b"\xff" * 12
    with pytest.raises(GensupError, match="not a zip that can be read"):
        read_zip(bytes(data), "a.zip")
