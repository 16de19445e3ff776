"""Limits of a device: how they are said, and what is beyond them."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from gensup.steps.limits import Limits


def test_what_is_beyond_them() -> None:
    limits = Limits.parsed(["parameters=250000", " ms_per_clip = 2.5 "])
    assert limits == Limits(parameters=250_000, ms_per_clip=2.5)
    assert limits.reason(250_000, 2.5) is None
    assert limits.reason(250_001, 1) == "250001 parameters, the limit is 250000"
    assert limits.reason(1, 2.6) == "2.6 ms a clip, the limit is 2.5"
    assert limits.reason(1, None) is None
    assert Limits.parsed([]).reason(10**12, 1e9) is None
    assert limits.described() == {"limits": {"parameters": 250_000, "ms_per_clip": 2.5}}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["parametres=3"], "did you mean parameters"),
        (["ms=3"], "known: parameters, ms_per_clip"),
        (["parameters"], "not a limit"),
        (["parameters=many"], r"--limit parameters: not a limit \(got 'many'\)"),
        (["parameters=0"], "above 0"),
        (["ms_per_clip=nan"], "above 0"),
        (["ms_per_clip=inf"], "above 0"),
        (["parameters=3", "parameters=4"], "a limit twice"),
    ],
)
def test_what_is_no_limit(texts: list[str], said: str) -> None:
    with pytest.raises(GensupError, match=said):
        Limits.parsed(texts)
