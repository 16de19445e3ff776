"""The records of every year, and which file of theirs is whose."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from gensup.retrieval import PARTS, Checksum, Record, RecordFile, archives_of, choose, part_of, sources, years

# What each edition calls its files, and the machines it has: written down apart from the code.
NAMES = {
    2020: ("dev_data_{}.zip", "eval_data_train_{}.zip", "eval_data_test_{}.zip"),
    2021: ("dev_data_{}.zip", "eval_data_{}_train.zip", "eval_data_{}_test.zip"),
    2022: ("dev_{}.zip", "eval_data_{}_train.zip", "eval_data_{}_test.zip"),
    2024: ("dev_{}.zip", "eval_data_{}_train_r2.zip", "eval_data_{}_test.zip"),
    2026: ("dev_{}_r2.zip", "eval_data_{}_train.zip", "eval_data_{}_test.zip"),
}
MACHINES = ("ToyCar", "fan", "3DPrinter", "BlowerDustCollector", "bearingEmu", "New_Machine-2")


def record_of(*names: str) -> Record:
    files = tuple(RecordFile(name, 1, Checksum("md5", "0" * 32), None) for name in names)
    return Record(1, "a record", "cc-by-4.0", files)


def test_all_years_are_known_and_no_record_stands_for_two_parts() -> None:
    assert years() == tuple(range(2020, 2027))
    every = [source for year in years() for source in sources(year)]
    assert len(every) == 21 == len({source.record for source in every})
    assert all(tuple(source.part for source in sources(year)) == PARTS for year in years())


@pytest.mark.parametrize(
    ("year", "records"),
    [
        (2020, (3678171, 3727685, 3841772)),
        (2021, (4562016, 4660992, 4884786)),
        (2022, (6355122, 6462969, 6586456)),
        (2023, (7882613, 7830345, 7860847)),
        (2024, (10902294, 11259435, 11363076)),
        (2025, (15097779, 15392814, 15519362)),
        (2026, (19336329, 20151556, 20437238)),
    ],
)
def test_the_records_of_a_year(year: int, records: tuple[int, ...]) -> None:
    assert tuple(source.record for source in sources(year)) == records


def test_the_folders_are_the_baselines() -> None:
    assert [source.folder for source in sources(2024)] == ["dev_data/raw", "eval_data/raw", "eval_data/raw"]


@pytest.mark.parametrize("year", NAMES)
@pytest.mark.parametrize("part", range(3))
def test_every_editions_file_names_say_the_machine(year: int, part: int) -> None:
    names = [NAMES[year][part].format(machine) for machine in MACHINES]
    found, others = archives_of(sources(year)[part], record_of(*names, "README.md", "dev.pdf"))
    assert {archive.machine: archive.file.name for archive in found} == dict(zip(MACHINES, names, strict=True))
    assert others == ("README.md", "dev.pdf")


def test_the_newer_revision_is_taken_and_the_reason_said() -> None:
    found, _ = archives_of(sources(2026)[0], record_of("dev_ToyCar_r2.zip", "dev_ToyCar.zip", "dev_fan.zip"))
    taken = {archive.machine: archive for archive in found}
    assert taken["ToyCar"].file.name == "dev_ToyCar_r2.zip"
    assert taken["ToyCar"].replaced == ("dev_ToyCar.zip",)
    assert "corrected" in taken["ToyCar"].reason
    assert (taken["fan"].replaced, taken["fan"].reason) == ((), "")


def test_the_tenth_revision_is_newer_than_the_ninth() -> None:
    (archive,), _ = archives_of(sources(2025)[0], record_of("dev_fan_r9.zip", "dev_fan_r10.zip", "dev_fan.zip"))
    assert archive.file.name == "dev_fan_r10.zip"
    assert archive.replaced == ("dev_fan.zip", "dev_fan_r9.zip")
    assert archive.reason


def test_two_files_of_one_revision_are_not_chosen_between() -> None:
    with pytest.raises(GensupError, match="two archives of one machine"):
        archives_of(sources(2025)[0], record_of("dev_fan.zip", "dev_data_fan.zip"))


def test_machines_are_chosen_in_any_case_and_a_miss_names_the_nearest() -> None:
    found, _ = archives_of(sources(2024)[0], record_of("dev_ToyCar.zip", "dev_fan.zip"))
    assert [archive.machine for archive in choose(found, ())] == ["fan", "ToyCar"]
    assert [archive.machine for archive in choose(found, ("all",))] == ["fan", "ToyCar"]
    assert [archive.machine for archive in choose(found, ("toycar", "ToyCar"))] == ["ToyCar"]
    with pytest.raises(GensupError, match="did you mean ToyCar"):
        choose(found, ("ToyCra",))


def test_parts_have_several_words() -> None:
    assert [part_of(word) for word in ("dev", "Additional", "train", "eval", "test")] == [
        "dev",
        "additional",
        "additional",
        "eval",
        "eval",
    ]
    with pytest.raises(GensupError, match="no such part"):
        part_of("middle")
    with pytest.raises(GensupError, match="no such year"):
        sources(2019)
