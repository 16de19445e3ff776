"""Everything that would shift, break or void a submission is found, with its line."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gensup.evaluation.submission import Listing, Table, TestClip, check, rules_of
from gensup.evaluation.submission.meta import written
from gensup.evaluation.submission.package import package

RULES = rules_of(2025)
LABEL = "Guan_HEU_task2_1"
MACHINES = ("fan", "3DPrinter")
CLIPS = [f"section_00_{i:04d}.wav" for i in range(12)]
SCORES = f"task2/{LABEL}/anomaly_score_fan_section_00_test.csv"
DECISIONS = f"task2/{LABEL}/decision_result_fan_section_00_test.csv"
META = f"task2/{LABEL}/{LABEL}.meta.yaml"
TESTS = Listing({Table(m, "00"): tuple(TestClip(name, Path(name)) for name in CLIPS) for m in MACHINES}, ())


def meta() -> dict[str, object]:
    author = {
        "lastname": "Guan",
        "firstname": "Jian",
        "email": "jian@example.org",
        "corresponding": True,
        "affiliation": {"institution": "HEU", "department": None, "location": "Harbin, China"},
    }
    return {
        "submission": {"label": LABEL, "name": "twins", "abbreviation": "twins", "authors": [author]},
        "system": {
            "description": dict.fromkeys(RULES.description),
            "complexity": {"total_parameters": 33024},
            "external_datasets": None,
            "source_code": None,
        },
        "results": {"development_dataset": {"fan": {"auc_source": 60.5, "auc_target": 55, "pauc": None}}},
    }


def lines(values: list[str]) -> bytes:
    return "".join(f"{name},{value}\n" for name, value in zip(CLIPS, values, strict=True)).encode()


@pytest.fixture
def tree() -> dict[str, bytes]:
    """A package that is as it should be."""
    rng = random.Random(0)
    files = {META: written(meta(), RULES).encode(), "task2/Guan_HEU_task2.technical_report.pdf": b"%PDF-1.7"}  # type: ignore[arg-type]
    for machine in MACHINES:
        scores = [rng.gauss(0, 1) for _ in CLIPS]
        folder = f"task2/{LABEL}"
        files[f"{folder}/anomaly_score_{machine}_section_00_test.csv"] = lines([repr(s) for s in scores])
        files[f"{folder}/decision_result_{machine}_section_00_test.csv"] = lines([str(int(s > 0)) for s in scores])
    files["Guan_HEU.zip"] = package(files)
    return files


def found(tree: dict[str, bytes], *, tests: Listing | None = TESTS) -> list[str]:
    return [f"{p.where} {p.what}" for p in check(tree, "sub", RULES, tests).problems]


def test_a_good_package_is_sound(tree: dict[str, bytes]) -> None:
    done = check(tree, "sub", RULES, TESTS)
    assert (done.problems, done.systems, done.files, done.rows, done.unchecked) == ((), (LABEL,), 4, 48, ())
    assert found(tree, tests=None) == []


def change(path: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def apply(tree: dict[str, bytes]) -> None:
        assert old.encode() in tree[path]
        tree[path] = tree[path].replace(old.encode(), new.encode(), 1)

    return apply


def edit(path: str, work: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], None]:
    def apply(tree: dict[str, bytes]) -> None:
        tree[path] = work(tree[path])

    return apply


def without(path: str) -> Callable[[dict[str, bytes]], None]:
    def apply(tree: dict[str, bytes]) -> None:
        del tree[path]

    return apply


def row(number: int, text: str) -> Callable[[bytes], bytes]:
    """Replace a line."""

    def work(data: bytes) -> bytes:
        rows = data.splitlines(keepends=True)
        rows[number - 1] = text.encode()
        return b"".join(rows)

    return work


# What was done; what is said, with file and line.
TRAPS = {
    "header": (edit(SCORES, lambda d: b"file_name,score\n" + d), f"{SCORES}:1 a header: 'file_name,score'"),
    "clip twice": (edit(SCORES, row(3, f"{CLIPS[7]},0.5\n")), f"{SCORES}:8 a clip twice"),
    "clip twice, one missing": (edit(SCORES, row(3, f"{CLIPS[7]},0.5\n")), f"{SCORES} 1 clips without a row"),
    "clip missing": (edit(SCORES, row(5, "")), f"{SCORES} 1 clips without a row"),
    "nan": (edit(SCORES, row(4, f"{CLIPS[3]},nan\n")), f"{SCORES}:4 not finite"),
    "inf": (edit(SCORES, row(4, f"{CLIPS[3]},-inf\n")), f"{SCORES}:4 not finite"),
    "no number": (edit(SCORES, row(4, f"{CLIPS[3]},high\n")), f"{SCORES}:4 no number"),
    "python's number": (edit(SCORES, row(4, f"{CLIPS[3]},1_000\n")), f"{SCORES}:4 no number"),
    "three columns": (edit(SCORES, row(4, f"{CLIPS[3]},1,2\n")), f"{SCORES}:4 3 columns"),
    "semicolons": (edit(SCORES, lambda d: d.replace(b",", b";")), f"{SCORES}:1 1 columns"),
    "empty line": (edit(SCORES, lambda d: d + b"\n"), f"{SCORES}:13 an empty line"),
    "empty file": (edit(SCORES, lambda d: b""), f"{SCORES} an empty file"),
    "byte order mark": (edit(SCORES, lambda d: b"\xef\xbb\xbf" + d), f"{SCORES}:1 a byte order mark"),
    "not utf-8": (edit(SCORES, lambda d: d.replace(b"0006.wav", b"\xff.wav")), f"{SCORES}:7 not UTF-8"),
    "folder in a name": (
        edit(SCORES, row(2, f"fan/test/{CLIPS[1]},0\n")),
        f"{SCORES}:2 a folder in a name: 'fan/test/section_00_0001.wav'",
    ),
    "no extension": (edit(SCORES, row(2, "section_00_0001,0\n")), f"{SCORES}:2 no test clip's name"),
    "another section": (edit(SCORES, row(2, "section_01_0001.wav,0\n")), f"{SCORES}:2 a clip of another file"),
    "a clip of the development set": (
        edit(SCORES, row(2, "section_00_source_test_normal_0001_n_A.wav,0\n")),
        f"{SCORES}:2 no such test clip",
    ),
    "not listed": (edit(SCORES, row(2, "section_00_0099.wav,0\n")), f"{SCORES}:2 no such test clip"),
    "decision 2": (edit(DECISIONS, row(2, f"{CLIPS[1]},2\n")), f"{DECISIONS}:2 neither 0 nor 1"),
    "decision a half": (edit(DECISIONS, row(2, f"{CLIPS[1]},0.5\n")), f"{DECISIONS}:2 neither 0 nor 1"),
    "decisions missing": (without(DECISIONS), f"{DECISIONS} missing"),
    "scores missing": (without(SCORES), f"{SCORES} missing"),
    "other clips decided": (edit(DECISIONS, row(2, "")), f"{DECISIONS} 1 clips scored and not decided"),
    "baseline's name": (
        lambda t: t.update({f"task2/{LABEL}/anomaly_score_DCASE2025T2fan_section_00_test_seed1_Eval.csv": t[SCORES]}),
        "_Eval.csv not a file of a submission",
    ),
    "another machine": (
        lambda t: t.update({f"task2/{LABEL}/anomaly_score_pump_section_00_test.csv": t[SCORES]}),
        "anomaly_score_pump_section_00_test.csv no test clips of pump 00",
    ),
    "meta missing": (without(META), f"{META} missing"),
    "no report": (without("task2/Guan_HEU_task2.technical_report.pdf"), "Guan_HEU_task2.technical_report.pdf missing"),
    "report is a text": (
        edit("task2/Guan_HEU_task2.technical_report.pdf", lambda d: b"soon"),
        "task2/Guan_HEU_task2.technical_report.pdf not a PDF",
    ),
    "old zip": (change(META, "Harbin, China", "Harbin"), f"Guan_HEU.zip not what the folder holds: {META}"),
    "broken zip": (edit("Guan_HEU.zip", lambda d: d[:100]), "Guan_HEU.zip not a zip that can be read"),
    "unsafe zip": (
        edit("Guan_HEU.zip", lambda d: package({"../x": b""})),
        "Guan_HEU.zip an unsafe member of the zip",
    ),
    "notes": (lambda t: t.update({"task2/notes.txt": b""}), "task2/notes.txt not a file of a submission"),
    "yaml": (edit(META, lambda d: b"submission: ["), f"{META} not valid YAML"),
    "no mapping": (edit(META, lambda d: b"- 1"), f"{META} not a mapping"),
    "not filled in": (change(META, "jian@example.org", "'FILL IN: address'"), "authors.0.email: not filled in"),
    "no address": (change(META, "jian@example.org", "jian"), "submission.authors.0.email: no address: 'jian'"),
    "nobody corresponds": (change(META, "corresponding: true", "corresponding: false"), "0 corresponding authors"),
    "another label": (change(META, LABEL, "Guan_HEU_task2_2"), "submission.label: another label"),
    "no label": (change(META, LABEL, "Guan"), "submission.label: no label: 'Guan'"),
    "long name": (change(META, "abbreviation: twins", "abbreviation: twinstwinst"), "abbreviation: 11 characters"),
    "field missing": (change(META, "    front_end: null\n", ""), "system.description.front_end: missing"),
    "field of another type": (change(META, "front_end: null", "front_end: [a]"), "front_end: neither a text nor"),
    "no count": (change(META, "33024", "33k"), "system.complexity.total_parameters: no count: '33k'"),
    "negative count": (change(META, "33024", "-1"), "system.complexity.total_parameters: no count: -1"),
    "other results": (change(META, "auc_source", "auc"), "results.development_dataset.fan: other fields"),
    "no percentage": (change(META, "60.5", "605"), "development_dataset.fan.auc_source: no percentage: 605"),
    "results missing": (change(META, "development_dataset", "dev"), "results.development_dataset: missing"),
}


@pytest.mark.parametrize(("spoil", "said"), TRAPS.values(), ids=TRAPS.keys())
def test_every_trap_is_found(spoil: Callable[[dict[str, bytes]], None], said: str, tree: dict[str, bytes]) -> None:
    spoil(tree)
    assert any(said in one for one in found(tree)), found(tree)


def test_meta_lines_are_where_the_value_is(tree: dict[str, bytes]) -> None:
    change(META, "60.5", "605")(tree)
    line = next(i for i, text in enumerate(tree[META].decode().splitlines(), 1) if "605" in text)
    assert any(one.startswith(f"{META}:{line} ") for one in found(tree))


def test_what_no_test_folder_is_needed_for(tree: dict[str, bytes]) -> None:
    for path in (SCORES, DECISIONS):
        tree[path] = row(5, "")(tree[path])
    said = found(tree, tests=None)
    assert f"{SCORES} 1 clips without a row: 0004" in said
    assert f"{DECISIONS} 1 clips without a row: 0004" in said
    assert "names and counts against the test clips" in check(tree, "sub", RULES).unchecked[0]


def test_five_systems_are_one_too_many(tree: dict[str, bytes]) -> None:
    for number in range(2, 6):
        for path in [path for path in tree if path.startswith(f"task2/{LABEL}/")]:
            tree[path.replace("task2_1", f"task2_{number}")] = tree[path].replace(b"task2_1", b"task2_%d" % number)
    said = found(tree)
    assert "task2 5 systems" in said
    assert any("no label: 'Guan_HEU_task2_5'" in one for one in said)


def test_a_folder_of_score_files_needs_no_meta(tree: dict[str, bytes]) -> None:
    bare = {path.rpartition("/")[2]: data for path, data in tree.items() if path.endswith(".csv")}
    done = check(bare, "mine", RULES, TESTS)
    assert done.problems == ()
    assert done.systems == ("mine",)
    assert done.unchecked == ("the meta yaml of mine: there is none",)


def test_2020_wants_no_decisions_and_2021_both_domains() -> None:
    rows = "".join(f"id_01_{i:08d}.wav,{i}\n" for i in range(3)).encode()
    assert check({"anomaly_score_fan_id_01.csv": rows}, "x").problems == ()
    (problem,) = check({"anomaly_score_fan_id_01.csv": rows, "decision_result_fan_id_01.csv": rows}, "x").problems
    assert problem.path == "decision_result_fan_id_01.csv"
    rows = "".join(f"section_03_source_test_{i:04d}.wav,{i % 2}\n" for i in range(3)).encode()
    missing = [(p.path, p.what) for p in check({"anomaly_score_fan_section_03_source_test.csv": rows}, "x").problems]
    assert missing == [
        ("anomaly_score_fan_section_03_target_test.csv", "missing"),
        ("decision_result_fan_section_03_source_test.csv", "missing"),
        ("decision_result_fan_section_03_target_test.csv", "missing"),
    ]
