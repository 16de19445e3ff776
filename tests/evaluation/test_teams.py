"""Score and decision files: what is refused, with its place, and what is said of files that are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.evaluation.conventions import conventions
from gensup.evaluation.official import evaluate
from gensup.evaluation.teams import Team, read_team, systems
from gensup.evaluation.truth import read_truth
from tests.evaluation.challenge import clips, drawn, rows, write

SCORES, DECISIONS = "anomaly_score_fan_section_00_test.csv", "decision_result_fan_section_00_test.csv"
NAMES = [f"section_00_{i:04d}.wav" for i in range(4)]


def made(folder: Path, year: int = 2024, shuffled: bool = False) -> tuple[Path, Path]:
    return write(folder, year, {("fan", "00"): clips("na", "na", [0.1, 0.2, 0.3, 0.4], "0011")}, shuffled=shuffled)


def read(truth: Path, team: Path, year: int = 2024, as_published: bool = False) -> Team:
    rules = conventions(year)
    return read_team(team, read_truth(truth, rules), rules, as_published=as_published)


def edit(change: Callable[[list[str]], list[str]], end: str = "\n") -> Callable[[Path], None]:
    def edited(path: Path) -> None:
        path.write_text("".join(line + end for line in change(path.read_text().splitlines())))

    return edited


def raw(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


BAD = {
    "a row is missing": (
        SCORES,
        edit(lambda r: r[:-1]),
        ":3: ",
        "1 of 4 clips of fan 00 have no row",
        "section_00_0003",
    ),
    "no row": (SCORES, edit(lambda r: []), ": ", "4 of 4 clips", "section_00_0000, section_00_0001"),
    "a row is doubled": (SCORES, edit(lambda r: [*r, r[1]]), ":5: ", "a clip twice", "line 2"),
    "doubled and missing": (SCORES, edit(lambda r: [*r[:3], r[1]]), ":4: ", "a clip twice", NAMES[1]),
    "an unknown clip": (SCORES, edit(lambda r: [*r, "section_00_0099.wav,1"]), ":5: ", "no clip of fan 00", "0099"),
    "another section's": (
        SCORES,
        edit(lambda r: ["section_01_0000.wav,1", *r]),
        ":1: ",
        "no clip of fan 00",
        "01_0000",
    ),
    "a header": (SCORES, edit(lambda r: ["file,score", *r]), ":1: ", "file,score", ""),
    "a header with a known name": (SCORES, edit(lambda r: [f"{NAMES[0]},score", *r[1:]]), ":1: ", "header", "score"),
    "not a number": (SCORES, edit(lambda r: [*r[:3], f"{NAMES[3]},high"]), ":4: ", "not a number", "high"),
    "an underscore in a number": (SCORES, edit(lambda r: [*r[:3], f"{NAMES[3]},1_0"]), ":4: ", "not a number", "1_0"),
    "no score": (SCORES, edit(lambda r: [f"{NAMES[0]},", *r[1:]]), ":1: ", "not a number", NAMES[0]),
    "NaN": (SCORES, edit(lambda r: [r[0], f"{NAMES[1]},nan", *r[2:]]), ":2: ", "not finite", "nan"),
    "infinite": (SCORES, edit(lambda r: [r[0], f"{NAMES[1]},-inf", *r[2:]]), ":2: ", "not finite", "-inf"),
    "too large": (SCORES, edit(lambda r: [r[0], f"{NAMES[1]},1e999", *r[2:]]), ":2: ", "not finite", "1e999"),
    "semicolons": (SCORES, edit(lambda r: [x.replace(",", ";") for x in r]), ":1: ", "1 columns", "semicolons"),
    "tabs": (SCORES, edit(lambda r: [x.replace(",", "\t") for x in r]), ":1: ", "1 columns", "tabs"),
    "a column too many": (SCORES, edit(lambda r: [*r[:2], f"{r[2]},1", r[3]]), ":3: ", "3 columns", NAMES[2]),
    "a blank line": (SCORES, edit(lambda r: [*r[:2], "", *r[2:]]), ":3: ", "a blank line", ""),
    "no name": (SCORES, edit(lambda r: [",0.5", *r[1:]]), ":1: ", "no file name", ""),
    "open quotes": (SCORES, edit(lambda r: [*r[:3], f'"{r[3]}']), ":4: ", "not a row", ""),
    "another encoding": (
        SCORES,
        raw(lambda b: b + "é,1\n".encode("latin-1")),
        ":5: ",
        "UTF-8 (got 'é,1'); byte 0xe9",
        "",
    ),
    "UTF-16": (SCORES, raw(lambda b: b.decode().encode("utf-16")), ":1: ", "UTF-8", ""),
    "a decision of 2": (DECISIONS, edit(lambda r: [f"{NAMES[0]},2", *r[1:]]), ":1: ", "neither 0 nor 1", "2"),
    "a decision of 0.7": (DECISIONS, edit(lambda r: [*r[:3], f"{NAMES[3]},0.7"]), ":4: ", "neither 0 nor 1", "0.7"),
    "a decision is missing": (DECISIONS, edit(lambda r: r[1:]), ":3: ", "have no row", "section_00_0000"),
    "no score file": (SCORES, Path.unlink, ": ", "a file is missing", SCORES),
    "no decision file": (DECISIONS, Path.unlink, ": ", "a file is missing", DECISIONS),
}


@pytest.mark.parametrize(("file", "harm", "place", "what", "shown"), BAD.values(), ids=BAD)
def test_bad_files_are_named(
    tmp_path: Path, file: str, harm: Callable[[Path], None], place: str, what: str, shown: str
) -> None:
    truth, team = made(tmp_path)
    read(truth, team)  # sound before
    harm(team / file)
    with pytest.raises(GensupError):
        read(truth, team, as_published=True)
    with pytest.raises(GensupError) as caught:
        read(truth, team)
    message = str(caught.value)
    assert message.startswith((f"{team / file}{place}", f"{team}{place}"))
    assert what in message
    assert shown in message


def test_a_file_of_another_machine_counts_for_nothing(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    rows(team / "anomaly_score_pump_section_00_test.csv", ["no row of ours"])
    for as_published in (False, True):
        found = read(truth, team, as_published=as_published)
        assert found.answers[0].scores.tolist() == [0.1, 0.2, 0.3, 0.4]
        (note,) = found.notes
        assert "of no machine and section of the ground truth, and not counted (anomaly_score_pump" in note


def test_a_misspelt_machine_is_shown_beside_what_is_missing(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    (team / SCORES).rename(team / "anomaly_score_Fan_section_00_test.csv")
    with pytest.raises(GensupError, match=r"a file is missing.*anomaly_score_fan.*anomaly_score_Fan"):
        read(truth, team)


def test_two_files_of_one_section(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    rows(team / "anomaly_score_DCASE2024T2fan_section_00_test_seed13711_id(0_)_Eval.csv", ["section_00_0000.wav,1"])
    with pytest.raises(GensupError, match="two files of one section"):
        read(truth, team)


def test_the_baselines_file_names(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    for kind in ("anomaly_score", "decision_result"):
        path = team / f"{kind}_fan_section_00_test.csv"
        path.rename(team / f"{kind}_DCASE2024T2fan_section_00_test_seed13711_id(0_)_Eval.csv")
    assert read(truth, team).answers[0].scores.tolist() == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    "change",
    [
        raw(lambda b: b.replace(b"\n", b"\r\n")),
        raw(lambda b: b.rstrip(b"\n")),
        edit(lambda r: [f'"{x.replace(",", chr(34) + ",")}' for x in r]),
        edit(lambda r: [f"fan/test/{x}" for x in r]),
        edit(lambda r: [x.replace(".wav", "") for x in r]),
        edit(lambda r: [x.replace(",", ", ") for x in r]),
    ],
    ids=["CRLF", "no last line end", "quoted", "folders", "no suffix", "blanks"],
)
def test_what_is_plain_is_read(tmp_path: Path, change: Callable[[Path], None]) -> None:
    truth, team = made(tmp_path)
    change(team / SCORES)
    found = read(truth, team)
    assert found.answers[0].scores.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert found.notes == ()


def test_decisions_written_as_numbers(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    edit(lambda r: [f"{x}.0" for x in r])(team / DECISIONS)
    alarms = read(truth, team).answers[0].alarms
    assert alarms is not None
    assert alarms.tolist() == [False, False, True, True]


def test_another_order_is_paired_by_name_and_said(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    edit(lambda r: r[::-1])(team / SCORES)
    found = read(truth, team)
    assert found.answers[0].scores.tolist() == [0.1, 0.2, 0.3, 0.4]
    (note,) = found.notes
    assert "another order" in note
    assert "makes the same pairs" in note
    assert SCORES in note


def test_what_the_official_evaluator_would_have_paired_otherwise(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    # Without zeros in front, 10 sorts before 2: by position the last three rows go round.
    clip = [f"section_00_{i}.wav" for i in (0, 1, 2, 10)]
    rows(
        truth / "ground_truth_data" / "ground_truth_fan_section_00_test.csv",
        [f"{c},{i % 2}" for i, c in enumerate(clip)],
    )
    rows(truth / "ground_truth_domain" / "ground_truth_fan_section_00_test.csv", [f"{c},0" for c in clip])
    rows(team / SCORES, [f"{c},{i}" for i, c in enumerate(clip)])
    rows(team / DECISIONS, [f"fan/{c},0" if i else f"zzz/{c},0" for i, c in enumerate(clip)])
    found = read(truth, team)
    assert found.answers[0].scores.tolist() == [0, 1, 2, 3]
    (note,) = found.notes  # of the decisions alone: the scores sort as the ground truth does
    assert "another clip's label" in note
    assert f"{DECISIONS}: 4 of 4 rows" in note


def test_as_published_rows_are_paired_by_position(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    edit(lambda r: r[::-1])(team / SCORES)
    assert read(truth, team, as_published=True).notes == ()  # the evaluator sorts: the same pairs
    edit(lambda r: [r[0], "section_00_test_0001.wav,0.9", *r[2:]])(team / SCORES)
    found = read(truth, team, as_published=True)
    # section_00_test_0001 sorts behind all others, and section_00_0001 is not there.
    assert sorted(found.answers[0].scores.tolist()[:3]) == found.answers[0].scores.tolist()[:3]
    assert found.answers[0].scores[3] == 0.9
    (note,) = found.notes
    assert "paired by position" in note
    with pytest.raises(GensupError, match="no clip of fan 00"):
        read(truth, team)
    edit(lambda r: [r[0], *r[:-1]])(team / SCORES)
    with pytest.raises(GensupError, match=r":2: a clip twice .*stands in line 1"):
        read(truth, team, as_published=True)


def test_as_published_2020_passes_over_ids_without_a_file(tmp_path: Path) -> None:
    truth, team = write(tmp_path, 2020, drawn(("fan", "pump"), ("01", "03"), seed=0))
    whole = evaluate(read(truth, team, 2020), conventions(2020), as_published=True)
    (team / "anomaly_score_fan_id_03.csv").unlink()
    found = read(truth, team, 2020, as_published=True)
    official = evaluate(found, conventions(2020), as_published=True)
    assert list(official.machines["fan"]) == ["01"]
    assert official.summary["fan"]["Average"] == tuple(official.machines["fan"]["01"][0].values())
    assert official.summary["pump"] == whole.summary["pump"]
    assert "anomaly_score_fan_id_03.csv" in found.notes[0]
    with pytest.raises(GensupError, match="a file is missing"):
        read(truth, team, 2020)
    (team / "anomaly_score_fan_id_01.csv").unlink()
    with pytest.raises(GensupError, match="files are missing"):
        read(truth, team, 2020, as_published=True)


def test_a_byte_order_mark_would_have_moved_every_label(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    raw(lambda b: b"\xef\xbb\xbf" + b)(team / SCORES)
    found = read(truth, team)
    assert found.answers[0].scores.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert "byte order mark" in found.notes[0]
    assert f"{SCORES}: 4 of 4 rows" in found.notes[1]
    moved = read(truth, team, as_published=True)
    assert moved.answers[0].scores.tolist() == [0.2, 0.3, 0.4, 0.1]
    assert f"{SCORES}: 4 of 4 rows" in moved.notes[0]


def test_2020_sorts_by_name_and_its_list_stays_as_it_is(tmp_path: Path) -> None:
    truth, team = made(tmp_path, 2020)
    edit(lambda r: r[::-1])(team / "anomaly_score_fan_id_00.csv")
    assert "makes the same pairs" in read(truth, team, 2020).notes[0]
    path = truth / "eval_data_list.csv"
    head, *members = path.read_text().splitlines()
    rows(path, [head, *members[::-1]])
    found = read(truth, team, 2020)
    assert "another clip's label" in found.notes[0]
    assert found.answers[0].scores.tolist() == [0.4, 0.3, 0.2, 0.1]


LABELLED = [
    "section_00_source_test_normal_0007_spd_2",
    "section_00_source_test_anomaly_0003_spd_1",
    "section_00_target_normal_0001_weight15_BckgF",  # a released name without "test"
    "section_00_target_test_anomaly_0000_noAttribute",
]


@pytest.mark.parametrize("third", [False, True])
def test_labelled_names_are_mapped_back(tmp_path: Path, third: bool) -> None:
    truth, team = made(tmp_path)
    full = ["", "", "", ",section_00_target_test_anomaly_0000_spd_9.wav" if third else ""]
    rows(
        truth / "ground_truth_attributes" / "ground_truth_fan_section_00_test.csv",
        [f"{blind},{name}{more}" for blind, name, more in zip(NAMES, LABELLED, full, strict=True)],
    )
    used = [*LABELLED[:3], full[3][1:-4] if third else LABELLED[3]]
    rows(team / SCORES, [f"{name}.wav,{i}" for i, name in enumerate(used)])
    found = read(truth, team)
    assert found.answers[0].scores.tolist() == [0, 1, 2, 3]
    assert "mapped back" in found.notes[0]
    if not third:
        assert read(truth, team, as_published=True).answers[0].scores.tolist() == [0, 1, 2, 3]
    # The evaluators map the second column alone; a name of the third would be sorted as it stands, here to the end.
    assert len(found.notes) == 1


def test_labelled_names_that_the_evaluator_of_the_year_does_not_map(tmp_path: Path) -> None:
    truth, team = made(tmp_path, 2022)
    table = truth / "ground_truth_attributes" / "fan" / "attributes_00.csv"
    rows(
        table,
        [
            "file_name,d1p,d1v,d2p,d2v,file_name_with_full_attributes",
            *(f"fan/test/{b},spd,1,fan/test/{name}.wav" for b, name in zip(NAMES, LABELLED, strict=True)),
        ],
    )
    rows(team / SCORES, [f"{name}.wav,{i}" for i, name in enumerate(LABELLED)])
    found = read(truth, team, 2022)
    assert found.answers[0].scores.tolist() == [0, 1, 2, 3]
    assert any(f"{SCORES}: 2 of 4 rows" in note for note in found.notes)  # "anomaly" sorts before "normal"


def test_2020s_labelled_names(tmp_path: Path) -> None:
    truth, team = made(tmp_path, 2020)
    listed = [line.split(",") for line in (truth / "eval_data_list.csv").read_text().splitlines()[1:]]
    rows(team / "anomaly_score_fan_id_00.csv", [f"{line[1]},{i}" for i, line in enumerate(listed)])
    assert read(truth, team, 2020).answers[0].scores.tolist() == [0, 1, 2, 3]


def test_tables_that_contradict_the_labels_map_nothing(tmp_path: Path) -> None:
    truth, team = made(tmp_path)
    table = truth / "ground_truth_attributes" / "ground_truth_fan_section_00_test.csv"
    rows(table, [f"{b},{name}" for b, name in zip(NAMES, LABELLED[::-1], strict=True)])
    read(truth, team)  # blind names need no table
    rows(team / SCORES, [f"{name}.wav,1" for name in LABELLED])
    with pytest.raises(GensupError, match=r"_test\.csv:1: the table of attributes and the ground truth contradict"):
        read(truth, team)
    rows(table, [f"{b},{LABELLED[0]}" for b in NAMES])
    with pytest.raises(GensupError, match="a labelled name of no single clip"):
        read(truth, team)


def test_systems_in_folders_below(tmp_path: Path) -> None:
    challenge = drawn(("fan",), ("00",), seed=1)
    truth, _ = write(tmp_path, 2024, challenge, team="lab/lab_task2_1")
    write(tmp_path, 2024, challenge, team="lab/lab_task2_2")
    rows(tmp_path / "teams" / "lab" / "README.csv", ["no score file"])
    rules = conventions(2024)
    found = systems(tmp_path / "teams", rules)
    assert list(found) == ["lab/lab_task2_1", "lab/lab_task2_2"]
    assert list(systems(found["lab/lab_task2_1"], rules)) == ["lab_task2_1"]
    known = read_truth(truth, rules)
    for folder in found.values():
        assert evaluate(read_team(folder, known, rules), rules, as_published=True).team == folder.name


def test_no_system(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="no score files"):
        systems(tmp_path, conventions(2024))
    with pytest.raises(GensupError, match="no such folder"):
        systems(tmp_path / "nowhere", conventions(2024))
    rows(tmp_path / "anomaly_score_fan_id_00.csv", ["id_00_00000000.wav,1"])
    with pytest.raises(GensupError, match="anomaly_score_<machine>_section_<NN>_test"):
        systems(tmp_path, conventions(2024))
    with pytest.raises(GensupError, match=r"_section_<NN>_<source\|target>_test"):
        systems(tmp_path, conventions(2021))
