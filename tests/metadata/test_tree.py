"""Trees and lists of names: what is found, what is never entered, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.metadata import read_names, scan


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def paths(root: Path, **options: list[Path]) -> list[str]:
    return [clip.path for clip in scan(root, **options)]


def test_audio_files_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b/x.wav", "a.FLAC", "b/c/y.flac", "b/notes.txt", "B.wav")
    assert paths(tmp_path) == ["B.wav", "a.FLAC", "b/c/y.flac", "b/x.wav"]


def test_the_folders_own_name_counts(tmp_path: Path) -> None:
    clip = scan(make(tmp_path / "train", "normal_id_00_00000000.wav"))[0]
    assert (clip.split, clip.machine, clip.condition) == ("train", None, "normal")


def test_hidden_things_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", ".venv/b.wav", "._a.wav", "x/.git/c.wav")
    assert paths(tmp_path) == ["a.wav"]


def test_our_own_folders_are_never_entered(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "run/clips/b.wav", "twins/c.wav", "other/d.wav", "theirs/e.wav", "out/f.wav")
    (tmp_path / "run/run.json").write_text(json.dumps({"gensup": "0.1", "schema": 1}))
    (tmp_path / "twins/metadata.jsonl").write_text('{"file_name": "c.wav", "twin": "1", "generator": "faults"}\n{}\n')
    (tmp_path / "other/run.json").write_text("[1]")
    (tmp_path / "theirs/metadata.jsonl").write_text('{"file_name": "e.wav", "text": "a fan"}\n')
    assert paths(tmp_path, exclude=[tmp_path / "out", tmp_path / "absent"]) == ["a.wav", "other/d.wav", "theirs/e.wav"]
    with pytest.raises(GensupError, match="written by gensup"):
        scan(tmp_path / "twins")


def test_broken_records_are_not_ours(tmp_path: Path) -> None:
    make(tmp_path, "a/a.wav", "b/b.wav", "c/c.wav")
    (tmp_path / "a/run.json").write_bytes(b"\xff{")
    (tmp_path / "b/metadata.jsonl").write_text("")
    (tmp_path / "c/run.json").mkdir()
    assert paths(tmp_path) == ["a/a.wav", "b/b.wav", "c/c.wav"]


def test_links_are_followed_once_and_real_folders_keep_their_path(tmp_path: Path) -> None:
    make(tmp_path / "root", "fan/a.wav")
    make(tmp_path / "elsewhere", "b.wav")
    (tmp_path / "root/fan/loop").symlink_to(tmp_path / "root")
    (tmp_path / "root/another").symlink_to(tmp_path / "root/fan")
    (tmp_path / "root/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/gone.wav").symlink_to(tmp_path / "nowhere")
    assert paths(tmp_path / "root") == ["fan/a.wav", "gone.wav", "linked/b.wav"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))).touch()
    make(tmp_path, "-rf.wav", "a\nb.wav")
    assert len(scan(tmp_path)) == 3


def test_two_clips_of_one_path(tmp_path: Path) -> None:
    make(tmp_path, "fan/x.wav", "fan/x.flac", "x.wav")
    with pytest.raises(GensupError, match=r"fan/x\.flac and fan/x\.wav"):
        scan(tmp_path)


def test_what_cannot_be_scanned(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="no such folder"):
        scan(tmp_path / "absent")
    with pytest.raises(GensupError, match=r"no \.wav or \.flac"):
        scan(tmp_path)
    make(tmp_path, "d.wav/e.txt")
    with pytest.raises(GensupError, match=r"no \.wav or \.flac"):
        scan(tmp_path)
    with pytest.raises(GensupError, match=r"no \.wav or \.flac"):
        scan(make(tmp_path / "out", "a.wav"), exclude=[tmp_path / "out"])
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(GensupError, match="not a file"):
        scan(tmp_path)


def test_a_list_of_names(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_bytes(b"\xef\xbb\xbf# source\r\nfan/test/section_00_0001.wav\r\n\n./fan/train/\xff.wav\nfan/test/a.wav")
    first, second, third = read_names(file)
    assert (first.machine, first.index, first.condition) == ("fan", "0001", None)
    assert (second.machine, second.split) == ("fan", "train")
    assert third.path == "fan/test/a.wav"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/etc/a.wav", "out of its folder"),
        ("fan/../../a.wav", "out of its folder"),
        ("fan/a.wav\nfan/b.wav\nfan/a.wav", r"names.txt:3.*twice.*line 1"),
        ("# nothing", "no names"),
        ("RIFF\0\0", "not a text file"),
    ],
)
def test_lists_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(GensupError, match=message):
        read_names(tmp_path / "names.txt")


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="no such file"):
        read_names(tmp_path / "names.txt")


def test_the_roots_own_name_says_the_section(tmp_path: Path) -> None:
    clip = tmp_path / "slider" / "id_02" / "normal" / "00000000.wav"
    clip.parent.mkdir(parents=True)
    clip.touch()
    (inside,) = scan(tmp_path / "slider" / "id_02")
    (above,) = scan(tmp_path)
    assert (inside.section, inside.machine) == ("02", None)
    assert (above.section, above.machine) == ("02", "slider")
