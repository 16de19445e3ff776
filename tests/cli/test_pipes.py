"""A reader that has enough, as ``| head`` has: no complaint, and status 0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("lines", [1, 5_000], ids=["fits the buffer", "fills the pipe"])
@pytest.mark.parametrize("words", [["caption", "--names"], ["scan", "--json", "--names"]])
def test_a_reader_that_leaves(tmp_path: Path, words: list[str], lines: int) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"fan/train/section_00_source_train_normal_{n:04}.wav\n" for n in range(lines)))
    ends_well([*words, str(names)])


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["caption", "--help"], ["faults"]])
def test_a_reader_that_was_never_there(words: list[str]) -> None:
    ends_well(words)


def ends_well(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gensup", *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
