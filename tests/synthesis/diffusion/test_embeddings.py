"""Caption embeddings on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from gensup.captions.tokens import Limit
from gensup.errors import GensupError
from gensup.synthesis.diffusion.embeddings import Embeddings, distinct, file_name, given_captions, write
from gensup.synthesis.records import Order

LIMITS = (Limit(12),)


def order(normal: str, anomaly: str) -> Order:
    fields: dict[str, Any] = {
        "id": "o", "twin": "t", "source": None, "source_key": None, "family": "hiss", "mechanism": "audioldm",
        "status": "generic", "severity": 1.0, "captions": (normal, anomaly), "parameters": {}, "seed": 1,
        "seconds": 1.0, "rate": 16_000, "channels": 1,
    }  # fmt: skip
    return Order(**fields)


def embedding(value: float, words: int) -> dict[str, torch.Tensor]:
    return {"text": torch.full((1, words, 3), value), "mask": torch.ones(1, words, dtype=torch.int64)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    captions = {"": "", "a fan": "a fan", "a fan, which is long": "a fan"}
    write(tmp_path / "e.safetensors", captions, [embedding(0.0, 2), embedding(0.5, 3)])
    return tmp_path / "e.safetensors"


def test_they_come_back_as_they_were(path: Path) -> None:
    found = Embeddings(path).verified()
    for caption, true in {"": embedding(0.0, 2), "a fan, which is long": embedding(0.5, 3)}.items():
        assert set(found[caption]) == {"text", "mask"}
        assert all(torch.equal(found[caption][name], true[name]) for name in true)
    with pytest.raises(GensupError, match=r"without an embedding.*a pump"):
        found["a pump"]


@pytest.mark.parametrize("damage", ["short", "empty", "flipped", "header", "gone"])
def test_damage_is_seen(path: Path, damage: str) -> None:
    data = bytearray(path.read_bytes())
    if damage == "short":
        data = data[:-4]
    elif damage == "empty":
        data = bytearray()
    elif damage == "flipped":
        data[-2] ^= 1
    elif damage == "header":
        data[20] ^= 255
    path.write_bytes(data)
    if damage == "gone":
        path.unlink()
    with pytest.raises(GensupError, match="cannot be read"):
        Embeddings(path).verified()


def test_same_captions_same_file() -> None:
    one = given_captions([order("a fan", "a fan rattles")], LIMITS, truncate=False)
    two = given_captions([order("a fan", "a fan rattles")] * 3, LIMITS, truncate=False)
    assert one == two
    assert distinct(one) == ("", "a fan", "a fan rattles")
    assert file_name(one, "r") == file_name(two, "r")
    assert file_name(one, "r") != file_name(one, "another")


def test_captions_over_the_limit() -> None:
    long = order("a fan " * 3, "a fan " * 8 + "rattles")
    with pytest.raises(GensupError, match="over the limit"):
        given_captions([long], LIMITS, truncate=False)
    given = given_captions([long], LIMITS, truncate=True)
    assert given[long.captions[1]] != long.captions[1]
    alike = order("a fan " * 9, "a fan " * 9 + "rattles")
    with pytest.raises(GensupError, match="cut to the limit, a normal caption and its anomaly are the same"):
        given_captions([alike], LIMITS, truncate=True)
