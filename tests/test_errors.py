"""One line with everything a person needs, on whatever side of a process it was raised."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from gensup.errors import GensupError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GensupError("no clips"), "no clips"),
        (GensupError("no clips", where="data"), "data: no clips"),
        (GensupError("too loud", value=3.5), "too loud (got 3.5)"),
        (GensupError("unknown machine", value="fan "), "unknown machine (got 'fan ')"),
        (GensupError("empty", value=""), "empty (got '')"),
        (GensupError("zero", value=0), "zero (got 0)"),
        (
            GensupError("too loud", where="a.wav", value=3, rule="at most 1", remedy="turn it down"),
            "a.wav: too loud (got 3); at most 1; turn it down",
        ),
    ],
)
def test_reads_as_one_line(error: GensupError, line: str) -> None:
    assert str(error) == line


def test_white_space_and_terminal_codes_stay_in_the_line() -> None:
    error = GensupError("a\nb\t c", where="x\r\ny", rule="\x1b[31mred", remedy="stray\udcff \u2028end")
    assert str(error) == "x y: a b c; \\x1b[31mred; stray\\udcff end"
    assert str(error).isprintable()
    assert str(GensupError("Größe × 2", where="音.wav")) == "音.wav: Größe × 2"


def test_survives_the_way_out_of_a_worker() -> None:
    error = GensupError("too loud", where="a.wav", value=3.5, rule="at most 1", remedy="turn it down")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is GensupError
    assert (str(again), again.what, again.where) == (str(error), "too loud", "a.wav")
    assert (again.value, again.rule, again.remedy) == (3.5, "at most 1", "turn it down")


def test_a_value_that_cannot_travel_leaves_its_text() -> None:
    error = GensupError("odd", value=(x for x in ()))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.value == str(error.value)
    assert str(pickle.loads(pickle.dumps(again))) == str(error)
    assert str(pickle.loads(pickle.dumps(GensupError("no folder", value=Path("a"))))) == "no folder (got a)"
