"""References: other machines, and the target under another name only where that is asked for."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from gensup.steps.references import References, chosen

NAMED = ("ToyCar", "ToyCarEmu", "fan", "slide rail", "slider", "valve", "valveEmu")


def test_all_is_every_machine_that_is_no_target_under_any_name() -> None:
    found = chosen(["all"], ["slider", "valve"], NAMED)
    assert found == References(("ToyCar", "ToyCarEmu", "fan"), (), ("slide rail", "valveEmu"))
    assert found.lines() == ("no references: slide rail, valveEmu (the target under another name)",)
    assert found.described() == {"machines": ["ToyCar", "ToyCarEmu", "fan"], "same_machine": []}


def test_named_machines() -> None:
    assert chosen(["fan", "ToyCar"], ["valve"], NAMED) == References(("ToyCar", "fan"))
    assert chosen([], ["valve"], NAMED) == References(())
    with pytest.raises(GensupError, match="target is no reference"):
        chosen(["valve"], ["valve"], NAMED)
    with pytest.raises(GensupError, match="did you mean fan"):
        chosen(["fann"], ["valve"], NAMED)


@pytest.mark.parametrize(("target", "other"), [("valve", "valveEmu"), ("valveEmu", "valve"), ("slider", "slide rail")])
def test_the_target_under_another_name_is_asked_for_and_marked(target: str, other: str) -> None:
    with pytest.raises(GensupError, match=r"under another name.*--same-machine"):
        chosen(["fan", other], [target], NAMED)
    found = chosen(["fan", other], [target], NAMED, same=True)
    assert found == References(tuple(sorted(("fan", other))), (other,))
    assert found.described()["same_machine"] == [other]
    assert other in found.lines()[0]
    assert other in chosen(["all"], [target], NAMED, same=True).same
