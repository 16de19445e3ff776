"""Shipped files, overlays on top of them, and a YAML gate that nothing odd passes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gensup import resources
from gensup.errors import GensupError
from gensup.resources import MAX_BYTES, MAX_NODES, Kind, mapping, names, parse_yaml, shipped, text


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shipped folder of our own making; returns an empty overlay beside it."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "a.yaml").write_text("one: 1\ntwo: {deep: x}\n")
    (folder / "b.yaml").write_text("b: true\n")
    (folder / "paper.j2").write_text("{{ machine }}\n")
    (folder / "sub.yaml").mkdir()
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    monkeypatch.setattr(resources, "shipped", lambda kind: folder)
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    return overlay


def test_shipped_folders_stand_and_hold_their_files() -> None:
    assert shipped("prompts").is_dir()
    assert "twfr-gmm" in names("detectors", ".yaml")
    assert mapping("detectors", "twfr-gmm.yaml")["name"] == "twfr-gmm"


@pytest.mark.parametrize("kind", ["prompts", "detectors"])
def test_libyaml_reads_our_files_as_the_python_reader_does(kind: Kind) -> None:
    for name in names(kind, ".yaml"):
        source = text(kind, f"{name}.yaml")
        quick, plain = (parse_yaml(source, name, ours=ours) for ours in (True, False))
        assert json.dumps(quick) == json.dumps(plain) == json.dumps(mapping(kind, f"{name}.yaml"))


@pytest.mark.parametrize("source", ["a: {<<: {b: 1}}", "a: 1\na: 2", "a: !!python/object x", "a: .inf", "1: a", "- a"])
def test_our_own_files_pass_the_same_gate(source: str) -> None:
    with pytest.raises(GensupError):
        parse_yaml(source, "ours.yaml", ours=True)


def test_nothing_shipped_is_said(tmp_path: Path) -> None:
    shutil.copytree(Path(resources.__file__).parent, tmp_path / "gensup", ignore=shutil.ignore_patterns("__pycache__"))
    script = "from gensup.resources import shipped; shipped('prompts')"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env={}, capture_output=True, text=True)
    assert "gensup's own prompts/ is missing" in ran.stderr
    assert "install gensup again" in ran.stderr


def test_an_overlay_replaces_adds_and_merges(house: Path) -> None:
    (house / "a.yaml").write_text("two: 2\nthree: 3\n")
    (house / "paper.j2").write_text("mine\n")
    assert names("prompts", ".yaml") == ("a", "b")
    assert names("prompts", ".yaml", house) == ("a", "b")
    assert mapping("prompts", "a.yaml") == {"one": 1, "two": {"deep": "x"}}
    assert mapping("prompts", "a.yaml", house) == {"one": 1, "two": 2, "three": 3}
    assert mapping("prompts", "b.yaml", house) == {"b": True}
    assert text("prompts", "paper.j2") == "{{ machine }}\n"
    assert text("prompts", "paper.j2", house) == "mine\n"
    (house / "c.yaml").write_text("name: c\nc: no\n")
    assert names("detectors", ".yaml", house) == ("a", "b", "c")
    assert mapping("detectors", "c.yaml", house) == {"name": "c", "c": "no"}


@pytest.mark.parametrize(
    ("kind", "file", "content", "message"),
    [
        ("prompts", "machine.yaml", "", "--prompts: a file that nothing reads .*did you mean machines.yaml?"),
        ("prompts", "Faults.YAML", "", "did you mean faults.yaml?"),
        ("prompts", "attributes.yml", "", "did you mean attributes.yaml?"),
        ("prompts", "paper.jinja2", "", "did you mean paper.j2?"),
        ("prompts", "twfr-gmm.yaml", "name: twfr-gmm", "nothing reads .*take it away"),
        ("detectors", "twfr_gmm.yaml", "name: twfr-gmm", "the name is not the file's .*did you mean twfr-gmm.yaml?"),
        (
            "detectors",
            "twfr-gm.yaml",
            "space: {}",
            "--detectors: a file that nothing reads .*did you mean twfr-gmm.yaml?",
        ),
        ("detectors", "mine.yml", "name: mine", "a recipe of your own is NAME.yaml with name: NAME"),
        ("detectors", "machines.yaml", "fan: {noun: fan}", "nothing reads"),
    ],
)
def test_a_file_that_would_change_nothing(tmp_path: Path, kind: Kind, file: str, content: str, message: str) -> None:
    (tmp_path / file).write_text(content)
    for read in (lambda: names(kind, ".yaml", tmp_path), lambda: text(kind, "README.md", tmp_path)):
        with pytest.raises(GensupError, match=message.replace("?", r"\?")):
            read()


def test_what_may_lie_in_an_overlay(tmp_path: Path) -> None:
    for name in ("README.md", ".machine.yaml.swp", "machines.yaml~", "notes.txt", "mine.j2", "._machine.yaml"):
        (tmp_path / name).write_text("x")
    (tmp_path / "old.yaml").mkdir()
    assert names("prompts", ".j2", tmp_path) == ("descriptive", "mine", "paper")


@pytest.mark.parametrize("file", ["d.yaml", "../secret.yaml", "sub.yaml", "", ".", "/etc/hostname"])
def test_only_files_of_the_folders_can_be_named(house: Path, file: str) -> None:
    for read in (text, mapping):
        with pytest.raises(GensupError) as caught:
            read("prompts", file, house)
        assert str(caught.value) == f"prompts/: no such file (got '{file}'); known here: a.yaml, b.yaml, paper.j2"


def test_an_overlay_that_is_not_there(house: Path) -> None:
    with pytest.raises(GensupError, match=r"--prompts: no such folder .got '.*absent'.; name a folder that exists"):
        mapping("prompts", "a.yaml", house / "absent")
    with pytest.raises(GensupError, match="--detectors: no such folder"):
        names("detectors", ".yaml", house / "absent")


def test_files_that_cannot_be_read(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (house / "a.yaml").write_bytes(b"one: \xff\n")
    with pytest.raises(GensupError, match=r"a.yaml: not UTF-8 .*; save the file as UTF-8"):
        mapping("prompts", "a.yaml", house)
    (house / "a.yaml").write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(GensupError, match=rf"too large .got '{MAX_BYTES + 1} bytes'.; at most {MAX_BYTES}"):
        text("prompts", "a.yaml", house)

    def denied(_: Path) -> bytes:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(GensupError, match=r"a.yaml: cannot be read .got 'Permission denied'.; check its permissions"):
        text("prompts", "a.yaml", house)


def test_a_byte_order_mark_is_no_part_of_the_text(house: Path) -> None:
    (house / "a.yaml").write_bytes(b"\xef\xbb\xbfone: 2\r\n")
    assert mapping("prompts", "a.yaml", house)["one"] == 2


def test_yaml_1_2_keeps_words_words() -> None:
    source = "a: no\nb: on\nc: 1:30\nd: 010\ne: 1e3\nf: ~\ng: [x, 'y']\nh: {k: true}\n"
    assert parse_yaml(source, "f") == {
        "a": "no",
        "b": "on",
        "c": "1:30",
        "d": 10,
        "e": 1000.0,
        "f": None,
        "g": ["x", "y"],
        "h": {"k": True},
    }


def test_an_alias_is_a_copy() -> None:
    parsed = parse_yaml("a: &x [1]\nb: *x\n", "f")
    assert parsed == {"a": [1], "b": [1]}
    assert parsed["a"] is not parsed["b"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "not a mapping"),
        ("- a", "not a mapping"),
        ("a: 1\na: 2", "duplicate key"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a: [", "not valid YAML"),
        ("1: a", "a key that is no text"),
        ("a: {no: 1, 2: x}", "a key that is no text"),
        ("? [1]\n: 2", "a key that is no text"),
        ("a: 2020-01-01", "JSON cannot say"),
        ("a: !!set {x}", "JSON cannot say"),
        ("a: !!binary aGk=", "JSON cannot say"),
        ("a: .nan", "JSON cannot say"),
        ("a: [-.inf]", "JSON cannot say"),
        ("a: 1e999", "JSON cannot say"),
        ("a: !!python/object/apply:os.system [x]", "not valid YAML"),
        ("a: !mine x", "not valid YAML"),
        ("a: !!bool x", "not valid YAML"),
        ("a: !!int x", "not valid YAML"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("a: " + "[" * 5000, "not valid YAML"),
        ("a: &x [*x]", "nested too deeply"),
        ("a: &x {b: *x}", "nested too deeply"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "write the keys out"),
        (f"a: &x [{'1, ' * 300}1]\nb: [{'*x, ' * 300}1]", f"at most {MAX_NODES}"),
    ],
)
def test_what_the_gate_keeps_out(source: str, message: str) -> None:
    with pytest.raises(GensupError) as caught:
        parse_yaml(source, "faults.yaml")
    assert str(caught.value).startswith("faults.yaml: ")
    assert message in str(caught.value)


def test_bombs_are_put_out_early() -> None:
    levels = ["a0: &a0 [1, 1, 1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))]
    with pytest.raises(GensupError, match="too many nodes"):
        parse_yaml("\n".join(levels), "bomb")
    merges = ["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 12))]
    with pytest.raises(GensupError, match=r"YAML 1.2"):
        parse_yaml("\n".join(merges), "bomb")
