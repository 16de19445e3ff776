"""scan, caption and the clips a run may read: tables and patterns reach them, labels do not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.steps.progress import QUIET
from gensup.steps.recordings import Recordings, normals
from gensup.steps.scan import caption, scan, survey
from tests.metadata.test_tables import HIDDEN, table
from tests.metadata.test_tree import make


class Notes:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)

    follow = staticmethod(QUIET.follow)


def sound(root: Path, *paths: str) -> Path:
    make(root, *paths)
    for number, path in enumerate(paths):
        noise = np.random.default_rng(number).normal(size=4000) * 0.1
        soundfile.write(root / path, noise, 16_000)
    return root


def read(root: Path, machine: str, notes: Notes | None = None, **options: object) -> Recordings:
    with for_workers(1) as engine:
        return normals(
            root,
            machine,
            out=root / "out",
            channel=0,
            skip_bad=False,
            engine=engine,
            progress=notes or Notes(),
            **options,  # type: ignore[arg-type]
        )


TREE = (f"fan/train/{HIDDEN}", "fan/test/section_00_0000.wav", f"pump/train/{HIDDEN}")


def leaking(root: Path) -> Path:
    """A released tree: its tables also speak of test clips, and say what is broken."""
    table(
        root,
        "fan/attributes_00.csv",
        "file_name,d1p,d1v,file_name_with_attributes",
        f"fan/train/{HIDDEN},vel,5",
        "fan/test/section_00_0000.wav,vel,7,fan/test/section_00_source_test_anomaly_0003_vel_7_damage1.wav",
    )
    table(
        root,
        "fan/attributes_00_test_correspondence.csv",
        "source_file_name,target_file_name",
        "section_00_source_test_anomaly_0003_vel_7_damage1.wav,section_00_0000.wav",
    )
    return root


def test_only_training_rows_of_the_target_are_read(tmp_path: Path) -> None:
    notes = Notes()
    found = read(leaking(sound(tmp_path, *TREE)), "fan", notes)
    assert [member.clip.attributes for member in found.members] == [(("vel", "5"),)]
    assert "attribute tables: 2, 1 of 1 clips joined by name; 2 rows of other clips" in notes.lines
    assert "damage" not in repr(found)


def test_test_rows_change_nothing(tmp_path: Path) -> None:
    plain, tabled = sound(tmp_path / "a", *TREE), leaking(sound(tmp_path / "b", *TREE))
    table(plain, "fan/attributes_00.csv", "file_name,d1p,d1v", f"fan/train/{HIDDEN},vel,5")
    assert read(plain, "fan").fingerprint == read(tabled, "fan").fingerprint


def test_a_table_from_elsewhere_and_a_pattern(tmp_path: Path) -> None:
    root = sound(tmp_path / "mine", "ok/a_1.wav", "ok/a_2.wav", "nok/a_3.wav")
    own = table(tmp_path, "speeds.csv", "file_name,rpm", "ok/a_1.wav,100", "a_2.wav,200", "nok/a_3.wav,300")
    found = read(root, "lathe", pattern="{condition:ok=normal,nok=anomaly}/{tool}_{index}.wav", attributes=own)
    assert [dict(member.clip.attributes) for member in found.members] == [
        {"tool": "a", "rpm": "100"},
        {"tool": "a", "rpm": "200"},
    ]


def test_a_refused_tree_is_described(tmp_path: Path) -> None:
    notes = Notes()
    with pytest.raises(GensupError, match="no normal training clip"):
        read(make(tmp_path / "x", "fan/test/1.wav"), "fan", notes)
    assert notes.lines == ["taken for recordings with names of their own: fan (1 clips)"]
    notes = Notes()
    with pytest.raises(GensupError, match="known: fan"):
        read(tmp_path / "x", "fun", notes)
    assert notes.lines


def test_scan_joins_and_describes(tmp_path: Path) -> None:
    root = leaking(make(tmp_path, *TREE))
    clips = {clip.path: clip for clip in scan(root)}
    assert clips["fan/test/section_00_0000.wav"].condition == "anomaly"
    assert clips[f"fan/train/{HIDDEN}"].attributes == (("vel", "5"),)
    found = survey(root, pattern="{machine}/train/{_}.wav")
    assert [clip.machine for clip in found.clips] == ["fan", "pump"]
    assert found.notes[0] == "1 clips do not fit the pattern and are left out, e.g."
    names = tmp_path / "names.txt"
    names.write_text("a/1.wav\nb/c/2.wav\n")
    assert [clip.index for clip in scan(names=names, pattern="{machine}/{index}")] == ["1"]
    with pytest.raises(GensupError, match="no name fits"):
        scan(names=names, pattern="{machine}-{index}")


def test_captions_say_what_tables_say_of_training_clips_alone(tmp_path: Path) -> None:
    rows = {row.path: row for row in caption(leaking(make(tmp_path, *TREE)))}
    assert "velocity 5" in rows[f"fan/train/{HIDDEN}"].caption
    blind = rows["fan/test/section_00_0000.wav"]
    assert (blind.caption, blind.condition) == ("This is the normal sound of a fan.", "normal")


def test_captions_of_a_users_own_naming(tmp_path: Path) -> None:
    make(tmp_path, "lathe/ok-1-1200.wav", "lathe/nok-2-900.wav", "notes.wav")
    pattern = "{machine}/{condition:ok=normal,nok=anomaly}-{index}-{rpm}.wav"
    notes: list[str] = []
    said = {row.path: row.caption for row in caption(tmp_path, pattern=pattern, notes=notes)}
    assert said == {
        "lathe/ok-1-1200.wav": "This is the normal sound of a lathe with rpm 1200.",
        "lathe/nok-2-900.wav": "This is the anomaly sound of a lathe with rpm 900.",
    }
    assert "notes.wav" in notes[1]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gensup.cli.scan import command

    root = leaking(make(tmp_path, *TREE))
    command(root)
    shown = capsys.readouterr()
    assert "taken for DCASE 2024 or later" in shown.err
    assert shown.out.startswith("machine")
    command(root, tree=True)
    assert "machine fan" in capsys.readouterr().out
    command(root, as_json=True)
    shown = capsys.readouterr()
    assert [json.loads(line)["path"] for line in shown.out.splitlines()] == sorted(TREE)
    assert "taken for" not in shown.err
    command(root, tree=True, as_json=True)
    assert next(json.loads(line)["below"] for line in capsys.readouterr().out.splitlines()) == 3
