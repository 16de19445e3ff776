"""Attribute tables: every variant is joined by name, contradictions are said, damage is named by file and line."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata import Joined, join, parse, scan, tables_below
from gensup.metadata.tables import is_table
from tests.metadata.test_tree import make

TRAIN = "section_00_source_train_normal_0000"
HIDDEN = f"{TRAIN}_noAttribute.wav"


def joined(root: Path, *, labels: bool = False) -> tuple[dict[str, Clip], Joined]:
    clips = scan(root)
    done = join(root, clips, tables_below(root), labels=labels)
    assert [clip.path for clip in done.clips] == [clip.path for clip in clips]
    return {clip.path: clip for clip in done.clips}, done


def table(root: Path, path: str, *lines: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_released_tables(tmp_path: Path) -> None:
    make(tmp_path, f"raw/fan/train/{HIDDEN}", "raw/pump/train/" + HIDDEN, "raw/fan/train/section_00_source_1.wav")
    table(tmp_path, "raw/fan/attributes_00.csv", "file_name,d1p,d1v,d2p,d2v", f"fan/train/{HIDDEN},vel,5,loc,A")
    table(tmp_path, "raw/pump/attributes_00.csv", "file_name", f"pump/train/{HIDDEN}")
    clips, done = joined(tmp_path)
    assert clips[f"raw/fan/train/{HIDDEN}"].attributes == (("vel", "5"), ("loc", "A"))
    assert clips[f"raw/pump/train/{HIDDEN}"].attributes == ()
    assert (done.joined, done.without, done.conflicts) == (2, 1, ())
    assert done.lines() == ("attribute tables: 2, 2 of 3 clips joined by name; 1 no row",)


def test_rows_are_joined_by_name_and_never_by_position(tmp_path: Path) -> None:
    names = [f"section_00_source_train_normal_{i:04d}_noAttribute.wav" for i in range(50)]
    make(tmp_path, *(f"fan/train/{name}" for name in names))
    rows = [f"fan/train/{name},vel,{i}" for i, name in enumerate(names) if i != 7]
    random.Random(0).shuffle(rows)
    table(tmp_path, "fan/attributes_00.csv", "file_name,d1p,d1v", *rows)
    clips, done = joined(tmp_path)
    assert {clip.attributes for path, clip in clips.items() if path.endswith(names[7])} == {()}
    for i, name in enumerate(names):
        assert clips[f"fan/train/{name}"].attributes == ((("vel", str(i)),) if i != 7 else ())
    assert (done.joined, done.without) == (49, 1)


def test_correspondence_tables_say_attributes_of_training_clips(tmp_path: Path) -> None:
    make(tmp_path, f"raw/arm/train/{HIDDEN}", f"raw/saw/train/{HIDDEN}")
    table(
        tmp_path,
        "ground_truth_attributes/dcase2024t2/dev_data/arm/attributes_00_train_correspondence.csv",
        "source_file_name,target_file_name",
        f"{TRAIN}_weight15_BckgF.wav,{HIDDEN}",
    )
    clips, done = joined(tmp_path)
    assert clips[f"raw/arm/train/{HIDDEN}"].attributes == (("weight", "15"), ("Bckg", "F"))
    assert clips[f"raw/saw/train/{HIDDEN}"].attributes == ()  # the same name, another machine
    assert done.joined == 1


def test_evaluators_tables_label_blind_clips_where_that_is_asked_for(tmp_path: Path) -> None:
    make(tmp_path, "saw/test/section_00_0005.wav", "arm/test/section_00_0005.wav")
    table(tmp_path, "eval_data_list_2023.csv", "saw", "section_00_0005.wav,section_00_target_test_anomaly_0021_vel_15")
    blind = {"saw/test/section_00_0005.wav": ("target", None, None), "arm/test/section_00_0005.wav": (None,) * 3}
    known = blind | {"saw/test/section_00_0005.wav": ("target", "test", "anomaly")}
    for labels, expected in ((False, blind), (True, known)):
        clips, _ = joined(tmp_path, labels=labels)
        assert {path: (c.domain, c.split, c.condition) for path, c in clips.items()} == expected
        assert clips["saw/test/section_00_0005.wav"].attributes == (("vel", "15"),)


def test_the_list_of_2020(tmp_path: Path) -> None:
    make(tmp_path, "fan/test/id_01_00000000.wav", "pump/test/id_01_00000000.wav")
    table(
        tmp_path,
        "eval_data_list.csv",
        "fan",
        "id_01_00000000.wav,normal_id_01_00000098.wav,0",
        "pump",
        "id_01_00000000.wav,anomaly_id_01_00000003.wav,1",
    )
    clips, done = joined(tmp_path, labels=True)
    assert [clip.condition for clip in clips.values()] == ["normal", "anomaly"]
    assert done.conflicts == ()


def test_the_table_that_gives_a_value_the_wrong_key(tmp_path: Path) -> None:
    """DCASE 2022 valve, section 05: short rows, v1pat where the full name says v2pat."""
    make(tmp_path, "valve/test/section_05_0000.wav", "valve/test/section_05_0001.wav")
    table(
        tmp_path,
        "valve/attributes_05.csv",
        "file_name,d1p,d1v,d2p,d2v,file_name_with_full_attributes",
        "valve/test/section_05_0000.wav,v1pat,05,v2pat,04,"
        "valve/test/section_05_target_test_anomaly_0000_v1pat_05_v2pat_04.wav",
        "valve/test/section_05_0001.wav,v1pat,05,valve/test/section_05_source_test_normal_0001_v2pat_05.wav",
    )
    clips, done = joined(tmp_path)
    assert clips["valve/test/section_05_0000.wav"].attributes == (("v1pat", "05"), ("v2pat", "04"))
    assert clips["valve/test/section_05_0001.wav"].attributes == (("v2pat", "05"),)
    assert len(done.conflicts) == 1
    assert "attributes_05.csv:3" in done.conflicts[0]


def test_the_name_wins_and_the_contradiction_is_said(tmp_path: Path) -> None:
    make(tmp_path, f"fan/train/{TRAIN}_spd_31V_mic_1.wav")
    table(
        tmp_path,
        "fan/attributes_00.csv",
        "file_name,d1p,d1v,d2p,d2v,d3p,d3v",
        f"fan/train/{TRAIN}_spd_31V_mic_1.wav,speed,31V,mic,2,oil,3",
    )
    clips, done = joined(tmp_path)
    (clip,) = clips.values()
    assert clip.attributes == (("spd", "31V"), ("mic", "1"), ("oil", "3"))  # speed is spd, written out
    assert len(done.conflicts) == 1
    assert "mic 1, table 2" in done.conflicts[0]
    assert "the names win" in "\n".join(done.lines())


@pytest.mark.parametrize(
    "full",
    [
        "section_00_source_test_normal_0000_damage1",
        "section_00_source_train_anomaly_0000_damage1",
        "section_00_target_train_normal_0000_damage1",
        "section_01_source_train_normal_0000_damage1",
    ],
)
def test_a_row_that_denies_its_clip_is_not_used(tmp_path: Path, full: str) -> None:
    make(tmp_path, f"fan/train/{HIDDEN}")
    table(tmp_path, "fan/attributes_00.csv", f"{HIDDEN},{full}")
    clips, done = joined(tmp_path, labels=True)
    assert clips == {f"fan/train/{HIDDEN}": parse(f"fan/train/{HIDDEN}")}
    assert "the row is not used" in done.conflicts[0]


def test_rows_of_other_clips_are_counted_and_not_read(tmp_path: Path) -> None:
    """The target's test rows: a key that no gate would let pass is never looked at."""
    make(tmp_path, f"fan/train/{HIDDEN}", "fan/test/section_00_0000.wav", "pump/train/" + HIDDEN)
    table(
        tmp_path,
        "fan/attributes_00.csv",
        "file_name,d1p,d1v",
        "fan/test/section_00_0000.wav,damage,\x07",
        f"fan/train/{HIDDEN},vel,1",
    )
    damaged = table(tmp_path, "pump/attributes_00.csv", "file_name,d1p")  # another machine's: not even opened
    clips = scan(tmp_path)
    target = [clip for clip in clips if clip.machine == "fan" and clip.split == "train"]
    done = join(tmp_path, target, tables_below(tmp_path), machines={"fan", "pump"})
    assert [clip.attributes for clip in done.clips] == [(("vel", "1"),)]
    assert (done.joined, done.elsewhere) == (1, 1)
    assert damaged not in done.files
    with pytest.raises(GensupError, match=r"attributes_00\.csv:2: no plain text"):
        join(tmp_path, clips, [tmp_path / "fan/attributes_00.csv"])


def test_a_table_that_the_user_names(tmp_path: Path) -> None:
    make(tmp_path / "root", f"fan/train/{HIDDEN}", f"pump/train/{HIDDEN}")
    root = tmp_path / "root"
    clips = scan(root)
    own = table(tmp_path, "lists/fan/own.csv", f"{HIDDEN},vel,3")
    done = join(root, clips, [], named=[own])
    assert [clip.attributes for clip in done.clips] == [(("vel", "3"),), ()]
    nobodys = table(tmp_path, "lists/own.csv", f"{HIDDEN},vel,3")
    assert join(root, clips, [], named=[nobodys]).ambiguous == 1
    # The target is a pump; a table in a folder called fan is not of it, whoever names it.
    assert join(root, clips[1:], [], named=[own], machines={"fan", "pump"}).joined == 0
    assert join(root, clips[1:], [], named=[nobodys], machines={"fan", "pump"}).joined == 1


def test_renamed_and_unpacked_folders(tmp_path: Path) -> None:
    root = make(tmp_path / "mine", f"train/{HIDDEN}")  # the root is the machine's folder, under another name
    table(root, "attributes_00.csv", "file_name,d1p,d1v", f"fan/train/{HIDDEN},vel,1")
    make(root / "other", f"train/{HIDDEN}")
    table(root / "other", "attributes_00.csv", "file_name,d1p,d1v", f"pump/train/{HIDDEN},vel,2")
    make(root / "flat/saw", HIDDEN)
    table(root / "flat/saw", "attributes_00.csv", "file_name,d1p,d1v", f"saw/train/{HIDDEN},vel,3")
    clips, _ = joined(root)
    assert {path: clip.attributes for path, clip in clips.items()} == {
        f"train/{HIDDEN}": (("vel", "1"),),
        f"other/train/{HIDDEN}": (("vel", "2"),),
        f"flat/saw/{HIDDEN}": (("vel", "3"),),
    }


def test_a_table_speaks_of_its_neighbours_where_two_years_lie_side_by_side(tmp_path: Path) -> None:
    for year in (2023, 2024):
        make(tmp_path, f"dcase{year}/fan/train/{HIDDEN}")
        table(tmp_path, f"dcase{year}/fan/attributes_00.csv", "file_name,d1p,d1v", f"fan/train/{HIDDEN},vel,{year}")
    clips, done = joined(tmp_path)
    assert [clip.attributes for clip in clips.values()] == [(("vel", "2023"),), (("vel", "2024"),)]
    assert done.conflicts == ()


def test_a_users_own_columns(tmp_path: Path) -> None:
    make(tmp_path, "fan/train/a.wav", "fan/train/b.flac", "fan/train/c.wav")
    table(
        tmp_path,
        "fan/attributes.csv",
        "File_Name;RPM;room;note",
        "fan/train/a.wav;30,5;hall;",
        'fan/train/b.wav;nan;"the; ""small"" one";x',
        "fan/train/c.wav",
    )
    clips, done = joined(tmp_path)
    assert [clip.attributes for clip in clips.values()] == [
        (("RPM", "30,5"), ("room", "hall")),
        (("room", 'the; "small" one'), ("note", "x")),
        (),
    ]
    assert done.joined == 3


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbffile_name,d1p,d1v\r\nfan/train/a.wav,vel,5\r\n",
        "file_name,d1p,d1v\nfan/train/a.wav,vel,5\n".encode("utf-16"),
        b"file_name;d1p;d1v\nfan/train/a.wav;vel;5\n",
        b"file_name\td1p\td1v\rfan/train/a.wav\tvel\t5",
        b"\n\n FILE_NAME , d1p , d1v \n fan\\train\\a.wav , vel , 5 \n\n",
        b'file_name,d1p,d1v,d2p,d2v\nfan/train/a.wav,"vel","5",,\n',
        b"file_name,d1p,d1v\nfan/train/a.wav,vel,5,,,\nfile_name,d1p,d1v\nfan/train/a.wav,vel,5\n",
        b"fan/train/a.wav,vel,5\n",
    ],
)
def test_ways_to_write_a_table(tmp_path: Path, data: bytes) -> None:
    make(tmp_path, "fan/train/a.wav")
    (tmp_path / "fan/attributes_00.csv").write_bytes(data)
    clips, done = joined(tmp_path)
    assert clips["fan/train/a.wav"].attributes == (("vel", "5"),)
    assert done.conflicts == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"file_name,d1p,d1v\nfan/train/\xe9.wav,vel,5\n", r"csv:2: not UTF-8 \(got 'fan/train/é.wav,vel,5'\)"),
        (b"file_name,d1p,d1v\nfan/train/a.wav,vel,\0\n", "csv:2: not a text file"),
        (b'file_name,d1p,d1v\nfan/train/a.wav,"vel,5\n', "csv:2: not a table .*fan/train/a.wav"),
        (b"file_name,d1p,d1v,d1p,d1v\n", "csv:1: a column that stands there twice: d1p"),
        (b"file_name,d1p\n", "csv:1: d1p without d1v"),
        (b"speed,load\n1,2\n", "csv:1: no column file_name"),
        (b"source_file_name,x\n", "csv:1: half a correspondence"),
        (b"file_name,d1p,d1v\n,vel,5\n", "csv:2: a row without a file name"),
        (b"file_name,rpm\nfan/train/a.wav,1,2\n", "csv:2: more cells than columns"),
        (b'file_name,rpm\nfan/train/a.wav,"1\n2"\n', "csv:3: no plain text"),
        (b"file_name,rpm\nfan/train/a.wav," + b"1" * 400 + b"\n", "csv:2: no plain text"),
        (b"file_name" + b",x" * 300 + b"\n", "csv:1: too many columns"),
    ],
)
def test_damaged_tables(tmp_path: Path, data: bytes, message: str) -> None:
    make(tmp_path, "fan/train/a.wav")
    (tmp_path / "fan/attributes_00.csv").write_bytes(data)
    with pytest.raises(GensupError, match=message):
        joined(tmp_path)


def test_what_is_counted_and_said(tmp_path: Path) -> None:
    make(tmp_path, "fan/train/a.wav", "fan/train/b.wav", "pump/train/a.wav")
    row = "fan/train/a.wav,vel,5"
    other = "fan/train/a.wav,vel,6"
    lines = ("file_name,d1p,d1v", row, row, other, "fan/train/gone.wav,vel,5", "fan/train/b.wav,vel", "a.wav,x,1")
    table(tmp_path, "attributes_00.csv", *lines)
    (tmp_path / "fan/attributes_01.csv").touch()
    clips, done = joined(tmp_path)
    assert clips["fan/train/a.wav"].attributes == (("vel", "5"),)
    assert clips["fan/train/b.wav"].attributes == ()
    assert (done.repeated, done.elsewhere, done.ambiguous, len(done.empty)) == (1, 1, 1, 1)
    assert ["something else and came first" in line for line in done.conflicts] == [True, False]
    assert "a key without a value" in done.conflicts[1]
    with pytest.raises(GensupError, match="no such file"):
        join(tmp_path, [], [], named=[tmp_path / "gone.csv"])


def test_formula_cells_and_paths_that_lead_away_are_text(tmp_path: Path) -> None:
    make(tmp_path, "fan/train/a.wav")
    table(
        tmp_path,
        "fan/attributes_00.csv",
        "file_name,d1p,d1v",
        "fan/train/a.wav,note,=cmd|' /C calc'!A0",
        "../../etc/passwd,vel,5",
        "/etc/a.wav,vel,6",
    )
    clips, done = joined(tmp_path)
    assert clips["fan/train/a.wav"].attributes == (("note", "=cmd|' /C calc'!A0"),)
    assert done.elsewhere == 2


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    names = [f"fan/train/section_00_source_train_normal_{i:06d}_noAttribute.wav" for i in range(100_000)]
    file = table(tmp_path, "attributes_00.csv", "file_name,d1p,d1v", *(f"{name},vel,{name[-18:-16]}" for name in names))
    wanted = [parse(name) for name in names[::1000]]
    done = join(tmp_path, wanted, [file])
    assert (done.joined, done.elsewhere) == (100, 99_900)


def test_names_of_tables() -> None:
    good = ("attributes_00.csv", "x/Attributes_05.CSV", "attributes_00_train_correspondence.csv", "attributes.csv")
    assert all(map(is_table, (*good, "eval_data_list_2024.csv", "ground_truth_attributes/fan/section_00.csv")))
    assert not any(map(is_table, ("scores.csv", "metadata.csv", "attributes_00.txt", "ground_truth_data/fan.csv")))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "attributes_00.csv"
    file.write_bytes(data)
    clips = [parse("fan/train/a.wav")]
    with suppress(GensupError):
        assert len(join(file.parent, clips, [], named=[file]).clips) == 1
