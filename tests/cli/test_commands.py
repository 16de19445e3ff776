"""The command line as a user meets it: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gensup.cli import main
from gensup.cli.app import ENDINGS
from tests.support import sounds


def gensup(*words: object, **how: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gensup", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]


Said = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """The command in this process, which has loaded everything; ``gensup`` above shows that a process of its own ends
    and prints alike."""
    handlers = {number: signal.getsignal(number) for number in ENDINGS}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = ["gensup", *map(str, words)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code or 0
        assert isinstance(status, int)
        return subprocess.CompletedProcess(command, status, *capsys.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def fails(done: subprocess.CompletedProcess[str], status: int, said: str) -> None:
    """The command ended with this status and one line on stderr; nothing on stdout."""
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("gensup: "), done.stderr
    assert said in line
    assert done.stdout == ""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.machine(tmp_path_factory.mktemp("data"), train=10, target=2, test=4)


def test_help_loads_no_numerics() -> None:
    code = (
        "import sys, runpy; sys.argv = ['gensup', '--help']\n"
        "try: runpy.run_module('gensup', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numpy', 'scipy', 'torch', 'sklearn', 'soundfile', 'jinja2', 'pydantic', 'rich', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "synthesize" in done.stdout


def test_scan_says_what_is_said(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text(
        "gearbox/train/section_00_source_train_normal_0000_0_g_25_mm_2000_mV_none.wav\n"
        "RoboticArm/test_rename/section_00_source_normal_0035_weight15_BckgF.wav\n"
        "fan/test/section_00_0240.wav\n"
    )
    done = gensup("scan", "--names", names, "--json")
    assert done.returncode == 0
    gearbox, arm, blind = map(json.loads, done.stdout.splitlines())
    assert list(gearbox) == [
        "path", "year", "machine", "section", "domain", "split", "condition", "index", "attributes", "unparsed",
    ]  # fmt: skip
    assert gearbox["attributes"] == [["g", "0"], ["mm", "25"], ["mV", "2000"], ["condition", "none"]]
    assert (arm["split"], arm["condition"], arm["attributes"]) == (None, "normal", [["weight", "15"], ["Bckg", "F"]])
    assert (blind["machine"], blind["section"], blind["index"]) == ("fan", "00", "0240")
    assert [blind[field] for field in ("domain", "split", "condition", "year")] == [None] * 4


def test_scan_for_people(data: Path, here: Said) -> None:
    done = here("scan", data)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["machine", "section", "split", "domain", "condition", "clips"]
    assert ["fan", "00", "train", "target", "normal", "2"] in [line.split() for line in done.stdout.splitlines()]


def test_the_papers_captions(tmp_path: Path, here: Said) -> None:
    names = tmp_path / "names.txt"
    names.write_text(
        "ToyCar/test/section_00_source_test_normal_0001_car_B2_spd_31V_mic_1.wav\n"
        "ToyCar/test/section_00_source_test_anomaly_0001_car_B2_spd_31V_mic_1.wav\n"
        "Grinder/train/section_00_source_train_normal_0000_grindstone_2_plate_2.wav\n"
    )
    rows = [json.loads(line) for line in here("caption", "--names", names, "--json").stdout.splitlines()]
    place = "with model B2 and speed 31V, recorded by a microphone placed at the position 1."
    assert [row["caption"] for row in rows] == [
        f"This is the normal sound of a toy car {place}",
        f"This is the anomaly sound of a toy car {place}",
        "This is the normal sound of a grinding machine with grindstones 2 and metal plates 2.",
    ]
    assert [list(row) for row in rows] == [["path", "caption", "condition", "fault"]] * 3
    descriptive = here("caption", "--names", names, "--json", "--style", "descriptive", "--condition", "anomaly")
    faults = {json.loads(line)["fault"] for line in descriptive.stdout.splitlines()}
    assert len(faults) > 5
    assert None not in faults


def test_fit_and_score(data: Path, tmp_path: Path) -> None:
    fitted = gensup(
        "fit", data, "--machine", "fan", "--detector", "twfr-gmm", "--set", "pooling.decay=0.46",
        "--set", "backend.n_components=1", "--set", "frontend.n_mels=32", "--out", tmp_path / "d", "--json",
    )  # fmt: skip
    assert fitted.returncode == 0, fitted.stderr
    assert json.loads(fitted.stdout)["params"]["pooling.decay"] == 0.46
    out = tmp_path / "scores.csv"
    scored = gensup("score", tmp_path / "d", data / "fan" / "test", "--out", out, "--workers", 1)
    assert scored.returncode == 0, scored.stderr
    assert "scored 4 clips" in scored.stdout
    names = [line.split(",")[0] for line in out.read_text().splitlines()]
    assert names == sorted(path.name for path in (data / "fan" / "test").iterdir())


def test_listings(here: Said) -> None:
    lines = here("detectors").stdout.splitlines()
    assert "twfr-gmm" in lines[-3]
    assert all(len(line) < 200 for line in lines)
    one = here("detectors", "twfr-gmm").stdout
    assert "backend.n_components       2, of 1, 2, 4, 8" in one
    fails(here("detectors", "twfr"), 2, "did you mean twfr-gmm")
    every = [json.loads(line) for line in here("faults", "--json").stdout.splitlines()]
    assert len(every) > 30
    unheard = [json.loads(line) for line in here("faults", "--machine", "ToyFerrisWheel", "--json").stdout.splitlines()]
    assert len(unheard) >= 8
    doctor = gensup("doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout
    assert json.loads(doctor.stdout)["ok"] is True


FIT = ["fit", "DATA", "--machine", "fan", "--detector", "twfr-gmm", "--out"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scan"], "give ROOT or --names FILE"),
        (["scan", "nowhere"], "nowhere"),
        (["scan", "--names", "nowhere.txt"], "nowhere.txt"),
        (["caption", "DATA", "--style", "novel"], "novel"),
        (["tune", "DATA", "--machine", "pump", "--out", "OUT"], "known: fan"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--detector", "twfr"], "did you mean twfr-gmm"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--faults", "hisss"], "did you mean hiss"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--channel", "left"], "--channel"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--channel", "5"], "no such channel"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--noise-channel", "loud"], "--noise-channel"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--noise", "DATA"], "nothing to use noise for"),
        (["tune", "DATA", "--machine", "fan", "--out", "OUT", "--synthetic", "nowhere"], "nowhere"),
        (["synthesize", "DATA", "--machine", "fan", "--out", "OUT", "--severities", "1,x"], "--severities"),
        (["synthesize", "DATA", "--machine", "fan", "--out", "OUT", "--shard", "3/2"], "--shard"),
        (["synthesize", "DATA", "--machine", "fan", "--out", "OUT", "--steps", "3"], "--steps"),
        (["synthesize", "DATA", "--machine", "fan", "--out", "OUT", "--generator", "audioldm"], "--model"),
        (["synthesize", "EMPTY", "--machine", "fan", "--out", "OUT"], "no .wav or .flac clips"),
        ([*FIT, "OUT", "--set", "pooling.decay=2"], "0 (max"),
        ([*FIT, "OUT", "--set", "pooling.dcay=1"], "pooling.decay"),
        ([*FIT, "OUT", "--set", "decay"], "path=value"),
        ([*FIT, "EMPTY/x.txt"], "x.txt"),
        (["score", "DATA", "DATA", "--out", "OUT"], "no detector here"),
        (["report", "DATA"], "run.json"),
        (["select", "--twins", "DATA", "a.csv", "b.csv"], "no finished twin set"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(
    data: Path, tmp_path: Path, here: Said, words: list[str], said: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "x.txt").write_text("not a detector")
    out = tmp_path / "out"
    places = {"DATA": data, "OUT": out, "EMPTY": empty, "EMPTY/x.txt": empty / "x.txt"}
    alone = ["--workers", "1"] if {"DATA", "OUT"} <= {*words} else []
    fails(here(*[places.get(word, word) for word in words], *alone), 2, said)
    assert not out.exists()


def test_a_place_that_cannot_be_written(data: Path, tmp_path: Path) -> None:
    # A file where a folder should be: also root, whom no permission stops, cannot write there.
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "run"
    done = gensup("fit", data, "--machine", "fan", "--detector", "mean-gmm", "--out", out, "--workers", 1)
    fails(done, 2, str(out))


def test_usage_errors_are_status_2() -> None:
    assert gensup("tune").returncode == 2
    assert gensup("nonsense").returncode == 2


def test_a_reader_that_leaves_is_no_error(data: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m gensup scan {data} --json | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["machine"] == "fan"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stopped_by_a_signal_and_continued(data: Path, tmp_path: Path, number: int, status: int) -> None:
    out = tmp_path / "set"
    command = [sys.executable, "-m", "gensup", "synthesize", data, "--machine", "fan", "--out", out, "--workers", "1"]
    command += ["--pairs", "4", "--severities", "1"]
    running = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (out / "journal").is_dir():
        time.sleep(0.01)
        assert running.poll() is None
    os.kill(running.pid, number)
    _, said = running.communicate()
    assert running.returncode == status, said
    assert said.strip().splitlines()[-1].endswith("continues where it was")
    assert not (out / "metadata.jsonl").exists()
    assert gensup(*command[3:]).returncode == 0
    assert (out / "metadata.jsonl").is_file()
    shutil.rmtree(out)


def test_convert_wants_trust_and_says_what_it_made(tmp_path: Path, here: Said) -> None:
    from tests.support import checkpoints

    source = checkpoints.beats(tmp_path / "BEATs_tiny.pt", predictor=True)
    fails(here("convert", source, "--out", tmp_path / "w"), 2, "can run code")
    done = here("convert", "--trust", source, "--out", tmp_path / "w", "--licence", "MIT")
    assert done.returncode == 0, done.stderr
    assert "BEATs_tiny.safetensors: beats, " in done.stdout
    assert "left out, for no frontend uses it: predictor.weight, predictor.bias" in done.stdout
    again = here("convert", "--trust", source, "--out", tmp_path / "w", "--json")
    assert json.loads(again.stdout)["name"] == "BEATs_tiny"
