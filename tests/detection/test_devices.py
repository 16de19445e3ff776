"""Devices: which one is meant, and passes that are halved where its memory does not do."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest
import torch

from gensup.detection.devices import Passes, on_gpu
from gensup.errors import GensupError


def test_which_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not on_gpu(None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert on_gpu(None)
    assert on_gpu("cuda:0")
    assert not on_gpu("cpu")
    with pytest.raises(GensupError, match="the device is not here"):
        on_gpu("cuda:1")


class Memory:
    """Holds so many clips at a time."""

    def __init__(self, room: int) -> None:
        self.room, self.asked = room, list[int]()

    def doubled(self, part: Sequence[int]) -> list[int]:
        self.asked.append(len(part))
        if len(part) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate.")
        return [2 * x for x in part]


def test_half_as_many_where_memory_runs_out(caplog: pytest.LogCaptureFixture) -> None:
    passes, memory = Passes(), Memory(2)
    with caplog.at_level(logging.WARNING):
        assert list(passes.run(range(9), 8, memory.doubled, "long")) == [2 * x for x in range(9)]
        assert memory.asked == [8, 4, 2, 2, 2, 2, 1]
        assert len(caplog.records) == 2
        # It is known from then on, of this sort alone.
        assert list(passes.run(range(3), 8, memory.doubled, "long")) == [0, 2, 4]
        assert memory.asked[7:] == [2, 1]
        memory.room = 8
        assert list(passes.run(range(8), 8, memory.doubled, "short")) == [2 * x for x in range(8)]
        assert memory.asked[9:] == [8]
    assert [record.getMessage()[:50] for record in caplog.records] == [
        "out of memory with 8 clips at a time: 4 from here ",
        "out of memory with 4 clips at a time: 2 from here ",
    ]
    assert list(passes.run([], 8, memory.doubled)) == []


def test_one_is_too_many() -> None:
    with pytest.raises(GensupError, match=r"out of memory with a single clip.*CUDA out of memory.*--device cpu"):
        list(Passes().run(range(4), 4, Memory(0).doubled))
