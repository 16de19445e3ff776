"""A fault is known where a data set's name tells it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.captions.damages import DamageRow, named_fault
from gensup.captions.faults import fault_rows
from gensup.captions.prompts import table
from gensup.captions.render import caption
from gensup.errors import GensupError
from gensup.metadata import parse

BROKEN = "ToyCar/A1/anomaly/CA001-carA1-speed1-{}-damageL_mic1_00002.wav"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (BROKEN.format("a"), "bent shaft"),
        (BROKEN.format("b"), "deformed gears"),
        (BROKEN.replace("ToyCar/", "ToyCarEmu/").format("d"), "damaged wheels"),
        (BROKEN.replace("ToyCar/", "ToyTrain/").format("a"), "obstructing stone"),
        (BROKEN.format("e"), None),
        (BROKEN.replace("ToyCar/", "ToyTank/").format("a"), None),
        ("ToyCar/case1/AnomalousSound_IND/1101010001_ToyCar_case1_ab01_IND_ch1_0007.wav", None),
        ("ToyCar/test/section_00_source_test_anomaly_0001_car_B1_spd_31V_mic_1.wav", None),
        ("ToyCar/A1/normal/CN001-carA1-speed1_mic1_00001.wav", None),
        ("fan/id_00/abnormal/00000000.wav", None),
    ],
)
def test_named_faults(path: str, words: str | None) -> None:
    fault = named_fault(parse(path))
    assert (fault and fault.words) == words
    if fault is not None:
        said = caption(parse(path), style="descriptive", fault=fault)
        assert f"running with a fault, {words}" in said


def test_every_row_is_a_fault_that_a_document_tells() -> None:
    rows = table("damages.yaml", DamageRow, None)
    documented = {(machine, row.fault) for row in fault_rows().values() for machine in row.machines}
    for machine, row in rows.items():
        assert row.source
        for words in row.faults.values():
            assert words
            if machine == "ToyCar":
                assert (machine, words) in documented


def test_an_overlay_names_more(tmp_path: Path) -> None:
    file = tmp_path / "damages.yaml"
    file.write_text("ToyTank: {source: my notes, faults: {a: torn track}}\n")
    clip = parse(BROKEN.replace("ToyCar/", "ToyTank/").format("a"))
    fault = named_fault(clip, tmp_path)
    assert fault is not None
    assert (fault.words, fault.fault_source) == ("torn track", "my notes")
    file.write_text("ToyTank: {faults: {a: torn track}}\n# no source\n")
    with pytest.raises(GensupError, match=r"damages\.yaml: ToyTank\.source"):
        named_fault(clip, tmp_path)
