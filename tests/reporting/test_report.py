"""The page of a small run, read as a browser and as a screen reader would."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image

from gensup.audio.files import AudioRef
from gensup.reporting import write_report
from gensup.reporting.pairs import PAIRS, SECONDS
from gensup.selection.sentence import describe
from tests.reporting.fake_run import MECHANISMS, RATE, Wanted, fake_run

SVG = "data:image/svg+xml,"
FLAC = "data:audio/flac;base64,"
VOID = {"meta", "img", "br", "hr", "link", "input", "base", "source"}


class Page(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def every(self, tag: str) -> list[dict[str, str]]:
        return [{k: v or "" for k, v in attrs.items()} for name, attrs in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.elements if "id" in attrs]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_run(tmp_path_factory.mktemp("run") / "run", Wanted())


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page(write_report(run))


def test_nothing_comes_from_outside_and_nothing_runs(page: Page) -> None:
    for tag, attrs in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "base", "form"}
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "href"):
            value = attrs.get(name)
            if value is not None:
                assert value.startswith((SVG, FLAC, "#")), value[:60]
                assert not value.startswith("#") or value[1:] in page.ids
    assert "url(" not in page.source.split("</style>")[0]
    policy = page.every("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith("default-src 'none'; img-src data:; media-src data:;")


def test_players_hold_the_twins(page: Page, run: Path) -> None:
    rows = {row["id"]: row for row in map(json.loads, (run / "metadata.jsonl").read_text().splitlines())}
    players = [attrs for tag, attrs in page.elements if tag == "audio"]
    assert len(players) == 2 * PAIRS
    codes = [word.strip() for word in page.words if word.strip() in rows]
    assert len(codes) == 2 * PAIRS
    for player, clip in zip(players, codes, strict=True):
        assert "controls" in player
        source = player["src"] or ""
        heard, rate = soundfile.read(BytesIO(base64.b64decode(source.removeprefix(FLAC))))
        recorded = AudioRef(run / rows[clip]["file_name"], RATE).read()[0]
        assert rate == RATE
        assert heard.shape == recorded.shape  # one second is not cut
        gain = float(heard @ recorded / (recorded @ recorded))
        assert gain > 1  # quiet clips are played louder
        np.testing.assert_allclose(heard, gain * recorded, atol=1.5 / 32768)
    normals, anomalies = codes[::2], codes[1::2]
    assert all(rows[a]["twin"] == n for n, a in zip(normals, anomalies, strict=True))
    assert {rows[a]["family"] for a in anomalies} == set(MECHANISMS)


def test_twins_of_a_pair_are_played_equally_loud(page: Page, run: Path) -> None:
    rows = {row["id"]: row for row in map(json.loads, (run / "metadata.jsonl").read_text().splitlines())}
    sources = [attrs["src"] or "" for tag, attrs in page.elements if tag == "audio"]
    codes = [word.strip() for word in page.words if word.strip() in rows]
    gains = []
    for source, clip in zip(sources, codes, strict=True):
        heard, _ = soundfile.read(BytesIO(base64.b64decode(source.removeprefix(FLAC))))
        recorded = AudioRef(run / rows[clip]["file_name"], RATE).read()[0]
        gains.append(float(heard @ recorded / (recorded @ recorded)))
    np.testing.assert_allclose(gains[::2], gains[1::2], rtol=1e-4)


def test_pictures_are_whole_and_said_in_words(page: Page) -> None:
    pictures = page.every("img")
    # Three a pair, a map, a map and a part of the ladders a family, two histograms.
    assert len(pictures) == 3 * PAIRS + 1 + len(MECHANISMS) + 2 + len(set(MECHANISMS.values()))
    for picture in pictures:
        assert len(picture["alt"]) > 40
        root = ElementTree.fromstring(unquote(picture["src"].removeprefix(SVG)))
        assert root.tag.endswith("svg")
        for image in root.iter("{http://www.w3.org/2000/svg}image"):
            href = image.get("{http://www.w3.org/1999/xlink}href") or ""
            Image.open(BytesIO(base64.b64decode(href.split(",", 1)[1]))).load()
        assert not [e for e in root.iter() if e.tag.endswith(("script", "foreignObject", "metadata"))]
    spectrogram = unquote(pictures[0]["src"])
    assert "frequency, Hz" in spectrogram
    assert "time in the clip, s" in spectrogram


def test_the_answer_stands_first(page: Page, run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    verdict = record["verdict"]
    table = json.loads((run / "trials" / "table.json").read_text())
    chosen = next(trial for trial in table["trials"] if trial["id"] == verdict["members"][0])
    assert verdict["answer"] == "select"
    decay = chosen["varied"]["pooling.decay"]
    answer = page.text[: page.text.index("What each fault family says")]
    assert "Answer: select" in answer
    assert f"pooling.decay={decay}" in answer
    assert verdict["sentence"] in answer
    for value in verdict["rows"].values():
        assert f"{value:.3f}" in answer
    assert "No real anomaly was used" in answer
    assert "Unpaired" not in answer


def test_every_family_has_its_row(page: Page, run: Path) -> None:
    verdict = json.loads((run / "run.json").read_text())["verdict"]
    for name, family in verdict["families"].items():
        assert name in page.text
        assert family["mechanism"] in page.text
        assert family["why"] in page.text
        for value in (family["median_auc"], family["member_auc"]):
            assert f"{value:.3f}" in page.text


def test_it_says_how_it_was_made(page: Page) -> None:
    made = page.text[page.text.index("How it was made") :]
    for words in (
        "f" * 32,
        "config.data.clips",
        "gensup",
        "144 anomalies of 8 normal twins",
        "What this page does not show",
    ):
        assert words in made


def test_headings_and_tables_are_in_order(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.every("table")) == len(page.every("caption"))
    assert len(page.ids) == len(set(page.ids))
    assert {"answer", "families", "twins", "map", "scores", "ladders", "made"} <= set(page.ids)
    assert page.every("html")[0]["lang"] == "en"


def test_the_same_run_gives_the_same_bytes(run: Path, page: Page) -> None:
    again = "import pathlib, sys, gensup.reporting as r; r.write_report(pathlib.Path(sys.argv[1]))"
    # Other hash seeds and another process: no order of a set, no counter of matplotlib's may show.
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", again, str(run)], check=True, env=environment, cwd=root)
    assert (run / "report.html").read_text(encoding="utf-8") == page.source


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    script = "<script>alert('x')</script>"
    families = {f'"><img src=x onerror=alert(1)>--> {i} $\\frac$': m for i, m in enumerate(MECHANISMS.values())}
    families["]]>&amp;\x07\ud800'"] = "event-added"
    wanted = Wanted(machine=script, families=families, caption=f'" autofocus onfocus=alert(1) {script}', pairs=2)
    page = Page(write_report(fake_run(tmp_path / "run", wanted)))
    test_nothing_comes_from_outside_and_nothing_runs(page)
    assert script in page.text
    assert f"Anomalous-sound detector for {script}" in page.text
    assert all(name in page.text for name in list(families)[:6])
    for picture in page.every("img"):
        ElementTree.fromstring(unquote(picture["src"].removeprefix(SVG)))


def test_a_run_without_its_twins_says_so(tmp_path: Path) -> None:
    page = Page(write_report(fake_run(tmp_path / "run", Wanted(twins=False))))
    assert not page.every("audio")
    assert "The twins are not in this run folder" in page.text
    assert "--synthetic" in page.text
    assert "heard below" not in page.text
    assert "How the clips score" in page.text


def test_an_unpaired_run_warns(tmp_path: Path) -> None:
    page = Page(write_report(fake_run(tmp_path / "run", Wanted(paired=False))))
    assert "Unpaired." in page.text
    assert "No anomaly of this run has a normal twin" in page.text
    assert not page.every("audio")


def test_too_little_evidence_stays_with_the_default(tmp_path: Path) -> None:
    wanted = Wanted(families={"hiss": "noise-added"}, severities=(0.5, 2.0))
    run = fake_run(tmp_path / "run", wanted)
    page = Page(write_report(run))
    table = json.loads((run / "trials" / "table.json").read_text())
    assert "Answer: default" in page.text
    assert "Stay with the published setting: twfr-gmm (backend.n_components=1, pooling.decay=0.0)." in page.text
    assert "first in the ranking, not chosen" in page.text
    assert "chosen:" not in page.text
    assert table["default"] in table["scores"]
    assert len(page.every("audio")) == 2 * 8  # as many pairs as a page shows


def test_no_default_and_no_evidence_chooses_nothing(tmp_path: Path) -> None:
    wanted = Wanted(families={"hiss": "noise-added"}, pairs=1, default=None)
    page = Page(write_report(fake_run(tmp_path / "run", wanted)))
    assert "Nothing is chosen." in page.text
    assert "scores" not in page.ids


def test_one_axis_is_a_line_and_none_is_left_out(tmp_path: Path) -> None:
    one = Wanted(axes={"backend.n_components": [1, 2, 4]}, default={"backend.n_components": 2}, twins=False)
    page = Page(write_report(fake_run(tmp_path / "one", one)))
    assert "map" in page.ids
    assert "n_components" in unquote(page.every("img")[0]["src"])
    none = Wanted(axes={}, default={}, twins=False)
    assert "map" not in Page(write_report(fake_run(tmp_path / "none", none))).ids


def test_long_and_loud_clips_are_shortened_and_turned_down(tmp_path: Path) -> None:
    families = {"hiss": "noise-added"}
    wanted = Wanted(families=families, seconds=10, level=0.6, severities=(2.0,), pairs=1)
    run = fake_run(tmp_path / "run", wanted)
    page = Page(write_report(run))
    for player in page.every("audio"):
        heard, rate = soundfile.read(BytesIO(base64.b64decode(player["src"].removeprefix(FLAC))))
        assert len(heard) == SECONDS * rate
        assert np.abs(heard).max() <= 10 ** (-1 / 20)
    assert "dB softer than recorded; 6.0 s of 10.0 s" in page.text
    assert (run / "report.html").stat().st_size < 12e6


def test_words_of_a_trial_are_those_of_the_verdict(page: Page, run: Path) -> None:
    from gensup.reporting.run_folder import read_run_folder

    read = read_run_folder(run)
    assert read.chosen is not None
    assert f"Use {describe(read.trials[read.chosen])}." in page.text
