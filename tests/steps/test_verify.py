"""What verify says of a sound run, and of every way to spoil one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.rng import digest
from gensup.steps.seal import opened
from gensup.steps.verify import verify
from tests.support.tiny import Machine, contents


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine.under(tmp_path_factory.mktemp("verified"))


@pytest.fixture(scope="module")
def whole(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a set of its own, and a wanted one."""
    out = tmp_path_factory.mktemp("runs") / "run"
    machine.tune_whole(out)
    return out


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def test_a_sound_run_gives_nothing_to_find(run: Path, machine: Machine) -> None:
    before = contents(run)
    found = verify(run)
    assert (found.sound, found.findings) == (True, ())
    assert found.checked["clips"] == len(list(run.rglob("*.wav")))
    assert found.checked["trials"] == sum(len(p.read_bytes().splitlines()) for p in run.rglob("journal.jsonl"))
    assert found.checked["detectors"] == 1
    assert verify(run / "wanted").checked == {"clips": len(list((run / "wanted").rglob("*.wav")))}
    assert verify(run / "detector").checked == {"detectors": 1}
    assert verify(machine.twins).findings == ()
    assert contents(run) == before


def flipped(path: Path, place: int = -3) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def edited(path: Path, line: int, **values: object) -> None:
    """Change values of one row, and write it as gensup does."""
    lines = path.read_text().splitlines()
    row = json.loads(lines[line]) | values
    lines[line] = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text("\n".join(lines) + "\n")


def row_where(path: Path, **values: object) -> int:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return next(i for i, row in enumerate(rows) if values.items() <= row.items())


def one(run: Path, pattern: str) -> Path:
    return sorted(run.glob(pattern))[0]


SEALED = "not as the run wrote it: its SHA-256 stands in run.json"


def forged(journal: Path) -> None:
    """Change a trial's size and the line's own checksum with it."""
    lines = journal.read_text().splitlines(keepends=True)
    line = json.loads(lines[0]) | {"parameters": 3}
    del line["checksum"]
    lines[0] = json.dumps(line | {"checksum": digest(line)}, sort_keys=True, separators=(",", ":")) + "\n"
    journal.write_text("".join(lines))


SPOILED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a byte of a clip": (lambda run: flipped(one(run, "clips/*.wav")), r"clips/\w+\.wav", "not what its row says"),
    "a wanted clip": (lambda run: flipped(one(run, "wanted/clips/*.wav")), r"wanted/clips/", "not what its row says"),
    "a clip gone": (lambda run: one(run, "clips/*.wav").unlink(), r"clips/\w+\.wav", "a clip is missing"),
    "a stray clip": (
        lambda run: shutil.copy(one(run, "clips/*.wav"), run / "clips" / "x.wav"),
        r"clips/x\.wav",
        "a file without a row",
    ),
    "a row's checksum": (
        lambda run: edited(run / "metadata.jsonl", 0, sha256="0" * 64),
        r"clips/\w+\.wav",
        "not what its row says",
    ),
    "a row's condition": (
        lambda run: edited(
            run / "metadata.jsonl", row_where(run / "metadata.jsonl", condition="anomaly"), condition="normal"
        ),
        r"metadata\.jsonl: \w+",
        "contradict each other",
    ),
    "a row's source": (
        lambda run: edited(
            run / "metadata.jsonl", row_where(run / "metadata.jsonl", condition="anomaly"), sources=["0" * 64]
        ),
        r"metadata\.jsonl: \w+",
        "are not its twin's",
    ),
    "a row cut": (
        lambda run: (run / "metadata.jsonl").write_bytes((run / "metadata.jsonl").read_bytes()[:-40]),
        r"metadata\.jsonl, line \d+",
        "not valid JSON",
    ),
    "a line of the study": (lambda run: flipped(run / "trials/journal.jsonl", 0), r"journal\.jsonl, line 1$", "JSON"),
    "a trial's size": (
        lambda run: edited(run / "trials/journal.jsonl", 1, parameters=1),
        r"trials/journal\.jsonl, line 2$",
        "a line that was altered",
    ),
    "a score row cut": (
        lambda run: (path := one(run, "trials/scores/*.npy")).write_bytes(path.read_bytes()[:-1]),
        r"trials/scores/\w+\.npy",
        "SHA-256 is not what the journal says",
    ),
    "a wanted score row gone": (
        lambda run: one(run, "trials/wanted/scores/*.npy").unlink(),
        r"trials/wanted/scores/",
        "a score row is missing",
    ),
    "the columns": (
        lambda run: (path := run / "trials/columns.json").write_text(
            path.read_text().replace('"fold": 1', '"fold": 0', 1)
        ),
        r"columns\.json",
        "altered",
    ),
    "the Optuna journal": (
        lambda run: (path := run / "trials/study.log").write_text(
            "".join(path.read_text().splitlines(keepends=True)[:-1])
        ),
        r"study\.log",
        "not those of the journal",
    ),
    "the weights": (
        lambda run: flipped(one(run, "detector/**/model.safetensors")),
        r"model\.safetensors",
        "not those of this detector",
    ),
    "the description": (lambda run: flipped(run / "detector/detector.json", 0), r"detector\.json", "not valid JSON"),
    "the record": (lambda run: flipped(run / "run.json", 0), r"run\.json", "not valid JSON"),
    "the verdict": (
        lambda run: (path := run / "run.json").write_text(path.read_text().replace('"form": "', '"form": "x', 1)),
        r"run\.json: verdict",
        "damaged",
    ),
    "a caption": (
        lambda run: edited(run / "metadata.jsonl", 0, caption="another"),
        r"/metadata\.jsonl$",
        SEALED,
    ),
    "a family's status in all rows": (
        lambda run: (path := run / "metadata.jsonl").write_text(path.read_text().replace('"generic"', '"measured"')),
        r"/metadata\.jsonl$",
        SEALED,
    ),
    "a trial with its checksum": (lambda run: forged(run / "trials/journal.jsonl"), r"journal\.jsonl$", SEALED),
    "a utility in the table": (
        lambda run: (path := run / "trials/table.json").write_text(
            re.sub(r'("utility": \[\s*)[\d.]+', r"\g<1>0.99", path.read_text(), count=1)
        ),
        r"table\.json$",
        SEALED,
    ),
    "times that nobody took": (
        lambda run: (run / "trials/ms_per_clip.json").write_text("{}"),
        r"ms_per_clip\.json$",
        "not the times of candidates",
    ),
    "a record too many": (
        lambda run: (run / "trials/other.json").write_text("{}"),
        r"trials/other\.json$",
        "a record that the run did not write",
    ),
    "the verdict's words": (
        lambda run: (path := run / "run.json").write_text(
            path.read_text().replace('"sentence": "', '"sentence": "So ')
        ),
        r"run\.json$",
        "its checksum stands in it",
    ),
    "the table": (lambda run: (run / "trials/table.json").unlink(), r"table\.json", "not finished"),
    "the report": (lambda run: (run / "report.html").unlink(), r"report\.html", "the report is missing"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_what_was_altered_is_named(run: Path, how: str) -> None:
    spoil, place, said = SPOILED[how]
    spoil(run)
    before = contents(run)
    found = verify(run)
    assert not found.sound
    altered = [finding for finding in found.findings if finding.state == "altered"]
    assert any(re.search(place, finding.path) and said in finding.what for finding in altered), altered
    assert len(altered) <= 2  # and nothing else is blamed, but what follows from it
    assert all(finding.remedy for finding in altered)
    assert contents(run) == before


def test_a_set_that_lost_its_rows_has_strays_and_an_empty_one_is_sound(run: Path) -> None:
    (run / "wanted" / "metadata.jsonl").write_text("")
    assert {finding.what for finding in verify(run).findings} == {"a file without a row", SEALED}
    shutil.rmtree(run / "wanted" / "clips")
    assert verify(run / "wanted").findings == ()


def test_a_run_that_is_continued_has_no_seal_until_it_ends(run: Path) -> None:
    opened(run)
    before = contents(run)
    forged(run / "trials" / "journal.jsonl")
    found = verify(run)
    assert found.sound  # who continues a run may write to it
    assert [finding.what for finding in found.findings] == ["continued, and not sealed again"]
    opened(run)
    assert {path for path, data in contents(run).items() if before[path] != data} == {"trials/journal.jsonl"}


def test_several_things_are_named_at_once(run: Path) -> None:
    clips = sorted((run / "clips").iterdir())
    flipped(clips[0])
    clips[1].unlink()
    flipped(run / "trials" / "journal.jsonl", 0)
    places = {Path(finding.path.partition(",")[0]).name for finding in verify(run).findings}
    assert {clips[0].name, clips[1].name, "journal.jsonl"} <= places


def test_what_is_unfinished_is_said_and_is_no_alteration(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    del record["verdict"]
    (run / "run.json").write_text(json.dumps(record))
    shutil.rmtree(run / "detector")
    shutil.rmtree(run / "wanted")
    (run / "metadata.jsonl").unlink()
    with (run / "trials" / "journal.jsonl").open("ab") as file:
        file.write(b'{"half":')
    found = verify(run)
    assert found.sound
    said = {Path(finding.path).name: finding.what for finding in found.findings}
    assert said == {
        "metadata.jsonl": "the twin set is not finished",
        "run.json": "no verdict yet",
        "journal.jsonl": "its last line is half written",
    }


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="nothing to verify"):
        verify(tmp_path)


def test_the_command(run: Path) -> None:
    def said(*words: object) -> tuple[int, str]:
        command = [sys.executable, "-m", "gensup", "verify", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    status, out = said(run)
    assert (status, out.splitlines()[-1][:6]) == (0, "sound:")
    clip = one(run, "clips/*.wav")
    flipped(clip)
    status, out = said(run, "--json")
    assert status == 2
    found = json.loads(out)
    assert not found["sound"]
    (finding,) = found["findings"]
    assert finding["path"] == str(clip)
