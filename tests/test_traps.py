"""Names, tables and manifests that break simple readers: every one that was met in released data or is to be feared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gensup.captions import caption
from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.metadata import Joined, first_shot, join, parse, scan, tables_below
from gensup.metadata import format as written
from gensup.resources import parse_yaml
from gensup.steps.verify import verify
from gensup.store import SCHEMA, read_manifest

TRAIN = "section_00_source_train_normal_0000"


# ------------------------------------------------------------------------------------------------ released names


def read(path: str) -> Clip:
    """A clip whose name is written back as it was."""
    clip = parse(path)
    assert written(clip) == path.rpartition("/")[2].removesuffix(".wav")
    assert clip.unparsed == ()
    return clip


def pairs(tail: str, *expected: tuple[str, str]) -> None:
    clip = read(f"machine/train/{TRAIN}_{tail}.wav")
    assert (clip.index, clip.attributes) == ("0000", expected)


def without_the_word_test(_: Path) -> None:
    clip = read("RoboticArm/test/section_00_source_normal_0035_weight15_BckgF.wav")
    assert (clip.domain, clip.split, clip.condition, clip.index) == ("source", None, "normal", "0035")
    assert clip.attributes == (("weight", "15"), ("Bckg", "F"))
    with pytest.raises(GensupError, match="no normal training clip"):  # its folder says test
        first_shot(Path("x"), [clip], "RoboticArm")


def a_running_number_beyond_the_hundreds(_: Path) -> None:
    clip = read("CoffeeGrinder/train/section_00_source_train_normal_1490_mic_pos_A_bkg_Z_grind_100.wav")
    assert (clip.index, clip.attributes[0]) == ("1490", ("mic_pos", "A"))


def an_empty_last_token(_: Path) -> None:
    pairs("vel_100_ac_0.03_", ("vel", "100"), ("ac", "0.03"))
    clip = read("fan/supplemental/section_00_machine_0001_.wav")
    assert (clip.split, clip.condition, clip.index) == ("supplemental", "normal", "0001")


def a_label_among_the_attributes(_: Path) -> None:
    for mark in ("_damage1", "_damage2"):
        clip = read(f"gearbox/test/section_00_source_test_anomaly_0001_volt_1.0{mark}.wav")
        assert clip.attributes[-1][0] == "damage"
        assert caption(clip, condition="normal") == "This is the normal sound of a gearbox with voltage 1.0."


def renumbered(tmp_path: Path) -> None:
    hidden = "ToyCar/train/section_00_source_train_normal_{}_noAttribute.wav"
    paths = [hidden.format(number) for number in ("0001", "0021")]
    done = tabled(
        tmp_path,
        b"source_file_name,target_file_name\n"
        b"section_00_source_train_normal_0001_car_B1_spd_31V_mic_1.wav,section_00_source_train_normal_0021_noAttribute.wav\n",
        *paths,
        name="correspondence_00.csv",
    )
    assert [clip.attributes[:1] for clip in done.clips] == [(), (("car", "B1"),)]


def of_2020(_: Path) -> None:
    clip = read("fan/test/normal_id_01_00000042.wav")
    assert (clip.section, clip.index, clip.condition, clip.split) == ("01", "00000042", "normal", "test")


def blind(_: Path) -> None:
    clip = read("fan/test/section_00_0000.wav")
    assert (clip.domain, clip.split, clip.condition, clip.attributes) == (None, None, None, ())


def machines_as_they_are_written(tmp_path: Path) -> None:
    names = ("3DPrinter", "ToyCarEmu", "bearingEmu", "Fan", "fan")
    for name in names:
        put(tmp_path, f"{name}/train/{TRAIN}.wav")
    assert [clip.machine for clip in scan(tmp_path)] == sorted(names)


NAMES: dict[str, Callable[[Path], None]] = {
    "the word test is missing": without_the_word_test,
    "key and value fused": lambda _: pairs("spd1000_BckgC", ("spd", "1000"), ("Bckg", "C")),
    "decimals": lambda _: pairs("volt_3.0_ac_0.12", ("volt", "3.0"), ("ac", "0.12")),
    "hyphens in keys": lambda _: pairs("m-n_X_f-n_A", ("m-n", "X"), ("f-n", "A")),
    "hyphens in values": lambda _: pairs("pat_00_panel_bs-c", ("pat", "00"), ("panel", "bs-c")),
    "values of letters": lambda _: pairs("panel_open", ("panel", "open")),
    "a key with an underscore": lambda _: pairs("mic_pos_A_bkg_Z", ("mic_pos", "A"), ("bkg", "Z")),
    "four digits up to 1490": a_running_number_beyond_the_hundreds,
    "a trailing underscore": an_empty_last_token,
    "a label among the attributes": a_label_among_the_attributes,
    "noAttribute": lambda _: pairs("noAttribute"),
    "correspondence tables renumber": renumbered,
    "eight digits, ids": of_2020,
    "a blind name is not normal": blind,
    "machines that begin with a digit, end in Emu, or differ in case": machines_as_they_are_written,
}


# ------------------------------------------------------------------------------------------------ names and tables


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def kept(name: str) -> Callable[[Path], None]:
    """A file of this name is found, read and written back."""

    def trap(tmp_path: Path) -> None:
        put(tmp_path, f"fan/train/{name}.wav")
        (clip,) = scan(tmp_path)
        assert (clip.path, written(clip)) == (f"fan/train/{name}.wav", name)

    return trap


def tabled(root: Path, data: bytes, *paths: str, name: str = "attributes_00.csv") -> Joined:
    put(root, *paths)
    (root / paths[0].partition("/")[0] / name).write_bytes(data)
    return join(root, scan(root), tables_below(root))


def says(data: bytes, *expected: tuple[str, str]) -> Callable[[Path], None]:
    """A table that says these attributes of the one clip there is."""

    def trap(tmp_path: Path) -> None:
        (clip,) = tabled(tmp_path, data, "fan/train/a.wav").clips
        assert clip.attributes == (expected or (("vel", "5"),))

    return trap


def refused(data: bytes, message: str, line: str) -> Callable[[Path], None]:
    """A table that is refused with its line's number, and the line itself."""

    def trap(tmp_path: Path) -> None:
        with pytest.raises(GensupError, match=message) as caught:
            tabled(tmp_path, data, "fan/train/a.wav")
        assert "attributes_00.csv:" in str(caught.value)
        assert line in str(caught.value)

    return trap


def twice(tmp_path: Path) -> None:
    done = tabled(tmp_path, b"file_name,vel\na.wav,5\n", "fan/train/a.wav", "fan/test/a.wav")
    assert done.ambiguous == 1
    assert {clip.attributes for clip in done.clips} == {()}


def case_only(tmp_path: Path) -> None:
    data = b"file_name,vel\nfan/train/a.wav,5\nfan/train/A.wav,6\n"
    done = tabled(tmp_path, data, "fan/train/a.wav", "fan/train/A.wav")
    assert [clip.attributes for clip in done.clips] == [(("vel", "6"),), (("vel", "5"),)]


def formulas(tmp_path: Path) -> None:
    data = b"file_name,note\nfan/train/a.wav,=cmd|' /C calc'!A0\n"
    (clip,) = tabled(tmp_path, data, "fan/train/a.wav").clips
    assert clip.attributes == (("note", "=cmd|' /C calc'!A0"),)
    assert "{{" not in caption(clip)


def repeated(tmp_path: Path) -> None:
    data = b"file_name,vel\nfan/train/a.wav,5\nfan/train/a.wav,5\nfan/train/a.wav,6\n"
    done = tabled(tmp_path, data, "fan/train/a.wav")
    assert (done.repeated, done.clips[0].attributes) == (1, (("vel", "5"),))
    assert "attributes_00.csv:4: fan/train/a.wav: " in done.conflicts[0]


def yaml(text: str, expected: object) -> Callable[[Path], None]:
    def trap(_: Path) -> None:
        for ours in (False, True):
            assert parse_yaml(text, "x.yaml", ours=ours) == expected

    return trap


def digits(tmp_path: Path) -> None:
    """A digit group is a number, and a number where a word is expected is refused."""
    (tmp_path / "machines.yaml").write_text("fan: {noun: 1_000}\n")
    with pytest.raises(GensupError, match=r"machines\.yaml: fan\.noun"):
        caption(parse(f"fan/train/{TRAIN}.wav"), overlay=tmp_path)


def doubled_keys(_: Path) -> None:
    for ours in (False, True):
        with pytest.raises(GensupError, match=r'x\.yaml: .*duplicate key "a".*line'):
            parse_yaml("a: 1\nb: 2\na: 3\n", "x.yaml", ours=ours)


HEAD = b"file_name,d1p,d1v\n"
TABLES: dict[str, Callable[[Path], None]] = {
    "bytes that are no UTF-8": kept("\udcff\udce9"),
    "a newline in a name": kept("a\nb"),
    "a leading hyphen": kept("-rf"),
    "a name of 255 bytes": kept("x" * 251),
    "names that differ in case": case_only,
    "one name in two folders": twice,
    "a byte order mark": says(b"\xef\xbb\xbf" + HEAD + b"fan/train/a.wav,vel,5\n"),
    "CRLF": says(HEAD.replace(b"\n", b"\r\n") + b"fan/train/a.wav,vel,5\r\n"),
    "semicolons": says(b"file_name;d1p;d1v\nfan/train/a.wav;vel;5\n"),
    "a quoted comma": says(b'file_name,rpm\nfan/train/a.wav,"1,5"\n', ("rpm", "1,5")),
    "UTF-16": says((HEAD + b"fan/train/a.wav,vel,5\n").decode().encode("utf-16")),
    "latin-1": refused(HEAD + b"fan/train/a.wav,vel,\xe9\n", r":2: not UTF-8", "fan/train/a.wav,vel,é"),
    "a header column is missing": refused(
        b"file_name,d1p\nfan/train/a.wav,vel\n", r":1: d1p without d1v", "file_name,d1p"
    ),
    "no column of names": refused(b"speed,load\n1,2\n", r":1: no column file_name", "speed,load"),
    "an extra column": refused(b"file_name,rpm\nfan/train/a.wav,1,2\n", r":2: more cells", "fan/train/a.wav,1,2"),
    "rows that stand there twice": repeated,
    "formulas": formulas,
    "nan as a value": says(HEAD.replace(b"\n", b",d2p,d2v\n") + b"fan/train/a.wav,vel,5,ac,nan\n"),
    "yaml: no and 2, are words": yaml("a: no\nb: 2,\n", {"a": "no", "b": "2,"}),
    "yaml: 1_000 is no text": digits,
    "yaml: a key twice": doubled_keys,
}


# ------------------------------------------------------------------------------------------------ manifests


def manifest(*rows: object, message: str) -> Callable[[Path], None]:
    """A manifest that is refused with the line's number."""

    def trap(tmp_path: Path) -> None:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
        with pytest.raises(GensupError, match=rf"metadata\.jsonl, line {len(rows)}: {message}"):
            read_manifest(tmp_path / "metadata.jsonl")

    return trap


def twins(folder: Path, spoil: Callable[[Path], object]) -> set[str]:
    """What is found wrong with a set of one clip."""
    (folder / "clips").mkdir()
    (folder / "clips" / "a.wav").write_bytes(b"sound")
    row = {"schema": SCHEMA, "id": "a", "file_name": "clips/a.wav", "sha256": "0" * 64, "twin": None}
    (folder / "metadata.jsonl").write_text(json.dumps({**row, "generator": "x"}) + "\n")
    spoil(folder)
    return {finding.what for finding in verify(folder).findings}


def a_row_without_a_file(tmp_path: Path) -> None:
    assert "a clip is missing" in twins(tmp_path, lambda folder: (folder / "clips" / "a.wav").unlink())


def a_file_without_a_row(tmp_path: Path) -> None:
    assert "a file without a row" in twins(tmp_path, lambda folder: put(folder, "clips/b.wav"))


def a_wrong_sum(tmp_path: Path) -> None:
    assert any("not what its row says" in what for what in twins(tmp_path, lambda _: None))


def a_link_out_of_the_set(tmp_path: Path) -> None:
    def spoil(folder: Path) -> None:
        (folder / "clips" / "a.wav").unlink()
        (folder / "clips" / "a.wav").symlink_to("/dev/zero")

    assert twins(tmp_path, spoil)  # it is said, and not read for ever


def many_rows(tmp_path: Path) -> None:
    (tmp_path / "metadata.jsonl").write_text("".join(f'{{"id":"{i}"}}\n' for i in range(20_000)))
    assert len(read_manifest(tmp_path / "metadata.jsonl")) == 20_000


ROW = {"id": "a", "file_name": "a.wav"}
MANIFESTS: dict[str, Callable[[Path], None]] = {
    "an absolute file name": manifest({"id": "a", "file_name": "/etc/passwd"}, message="an unsafe file name"),
    "a file name with ..": manifest({"id": "a", "file_name": "x/../../a.wav"}, message="an unsafe file name"),
    "a link out of the set": a_link_out_of_the_set,
    "two rows of one file": manifest(ROW, {**ROW, "id": "b"}, message="two rows of one file"),
    "a row without a file": a_row_without_a_file,
    "a file without a row": a_file_without_a_row,
    "a last line half written": manifest(ROW, '{"id": "b", "file_na', message="not valid JSON"),
    "a wrong SHA-256": a_wrong_sum,
    "a schema to come": manifest({**ROW, "schema": SCHEMA + 1}, message="written by a newer gensup"),
    "very many rows": many_rows,
}


@pytest.mark.parametrize(
    "trap",
    [
        pytest.param(trap, id=f"{of}: {name}")
        for of, traps in {"released": NAMES, "tables": TABLES, "manifests": MANIFESTS}.items()
        for name, trap in traps.items()
    ],
)
def test_trap(trap: Callable[[Path], None], tmp_path: Path) -> None:
    trap(tmp_path)
