"""The page of a small run, read as a browser and as a screen reader would."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
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

import gensup.reporting
from gensup.audio.files import AudioRef
from gensup.reporting import write_report
from gensup.reporting.pairs import PAIRS, SECONDS
from gensup.selection.records import Trial
from gensup.selection.sentence import describe
from tests.reporting.fake_run import MECHANISMS, RATE, Wanted, fake_run, real_labels

SVG = "data:image/svg+xml,"
FLAC = "data:audio/flac;base64,"
SCRIPT = Path(gensup.reporting.__file__).parent / "templates" / "rows.js"
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
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def every(self, tag: str) -> list[dict[str, str]]:
        return [{k: v or "" for k, v in attrs.items()} for name, attrs in self.elements if name == tag]

    @property
    def pairs(self) -> list[dict[str, str]]:
        """Players of twins; the others are of ladders."""
        return [player for player in self.every("audio") if " of pair " in player["aria-label"]]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.elements if "id" in attrs]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_run(tmp_path_factory.mktemp("run") / "run", Wanted())


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page(write_report(run))


def test_nothing_comes_from_outside_and_one_script_runs(page: Page) -> None:
    for tag, attrs in page.elements:
        assert tag not in {"link", "iframe", "object", "base", "form"}
        assert tag != "script" or not attrs
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
    script = SCRIPT.read_text(encoding="utf-8")
    assert len(page.every("script")) == 1
    assert f"<script>{script}</script>" in page.source
    allowed = re.findall(r"script-src ([^;]*);", policy["content"])
    assert allowed == [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"]


def test_players_hold_the_twins(page: Page, run: Path) -> None:
    rows = {row["id"]: row for row in map(json.loads, (run / "metadata.jsonl").read_text().splitlines())}
    players = page.pairs
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
    sources = [player["src"] for player in page.pairs]
    codes = [word.strip() for word in page.words if word.strip() in rows]
    gains = []
    for source, clip in zip(sources, codes, strict=True):
        heard, _ = soundfile.read(BytesIO(base64.b64decode(source.removeprefix(FLAC))))
        recorded = AudioRef(run / rows[clip]["file_name"], RATE).read()[0]
        gains.append(float(heard @ recorded / (recorded @ recorded)))
    np.testing.assert_allclose(gains[::2], gains[1::2], rtol=1e-4)


def test_ladders_are_heard_from_the_twin_to_the_strongest_rung(page: Page) -> None:
    heard = [player["aria-label"] for player in page.every("audio") if " of pair " not in player["aria-label"]]
    rungs = ["normal twin", *(f"severity {severity:g}" for severity in Wanted().severities)]
    families = [label.partition(",")[0] for label in heard[:: len(rungs)]]
    assert heard == [f"{family}, {rung}" for family in families for rung in rungs]
    assert {MECHANISMS[family] for family in families} == set(MECHANISMS.values())


CLICKS = """
const table = document.querySelector("table.families"), heads = [...table.tHead.rows[0].cells];
const names = () => [...table.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[0].firstChild.data);
const out = {before: names()};
const press = (i) => { heads[i].querySelector("button").click(); return names(); };
out.heaviest = press(3); out.lightest = press(3); out.said = heads.map((h) => h.getAttribute("aria-sort"));
out.named = press(0);
const field = document.querySelector("#families .filter input");
field.value = "TONE added"; field.dispatchEvent(new Event("input"));
out.left = names(); out.count = document.querySelector("#families .filter [role=status]").textContent;
field.value = ""; field.dispatchEvent(new Event("input")); out.again = names();
document.body.dataset.found = JSON.stringify(out);
"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser to press the buttons in")
def test_rows_sort_and_filter(page: Page, run: Path, tmp_path: Path) -> None:
    tried = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.source)
    (tmp_path / "page.html").write_text(tried.replace("</body>", f"<script>{CLICKS}</script></body>"))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run([*command, f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=60)
    found = json.loads(html.unescape(re.findall(r'data-found="([^"]*)"', done.stdout)[0]))
    families = json.loads((run / "run.json").read_text())["verdict"]["families"]
    weights = [families[name]["weight"] for name in found["heaviest"]]
    assert weights == sorted(weights, reverse=True)
    assert [families[name]["weight"] for name in found["lightest"]] == weights[::-1]
    assert found["said"] == [None] * 3 + ["ascending"] + [None] * 6
    assert found["named"] == sorted(families) == sorted(found["before"])
    tones = sorted(name for name, mechanism in MECHANISMS.items() if mechanism == "tone-added")
    assert (found["left"], found["count"]) == (tones, f"2 of {len(families)}")
    assert found["again"] == found["named"]


def test_pictures_are_whole_and_said_in_words(page: Page) -> None:
    pictures = page.every("img")
    # The families by candidates, three a pair, two histograms and their ROC, the space, the neighbourhood, and the
    # ladders of each mechanism.
    assert len(pictures) == 1 + 3 * PAIRS + 3 + 2 + len(set(MECHANISMS.values()))
    for picture in pictures:
        assert len(picture["alt"]) > 40
        root = ElementTree.fromstring(unquote(picture["src"].removeprefix(SVG)))
        assert root.tag.endswith("svg")
        for image in root.iter("{http://www.w3.org/2000/svg}image"):
            href = image.get("href") or ""
            Image.open(BytesIO(base64.b64decode(href.split(",", 1)[1]))).load()
        assert not [e for e in root.iter() if e.tag.endswith(("script", "foreignObject", "metadata"))]
    spectrogram = unquote(pictures[1]["src"])
    assert "frequency, Hz" in spectrogram
    assert "time in the clip, s" in spectrogram


def test_the_answer_stands_first(page: Page, run: Path) -> None:
    verdict = json.loads((run / "run.json").read_text())["verdict"]
    assert verdict["answer"] == "select"
    answer = page.text[: page.text.index("Which fault family likes which candidate")]
    assert "Answer: select" in answer
    assert "Use the mean of the 2 best candidates." in answer
    assert verdict["sentence"] in answer
    table = json.loads((run / "trials" / "table.json").read_text())
    varied = {trial["id"]: trial["varied"] for trial in table["trials"]}
    said = [f"n_components {v['backend.n_components']}, decay {v['pooling.decay']:g}" for v in varied.values()]
    words = dict(zip(varied, said, strict=True))
    assert f"Fused, best first {'; '.join(words[trial] for trial in verdict['members'])}" in answer
    assert f"Panel {'; '.join(words[trial] for trial in verdict['panel'])} spread over" in answer
    assert set(verdict["rows"]) == {"single", "fusion", "hedged", "default", "random"}
    for value in verdict["rows"].values():
        assert f"{value:.3f}" in answer
    assert "No real anomaly was used" in answer
    assert "Unpaired" not in answer
    assert "Tainted" not in answer
    assert "--drop-suspects" not in answer


def test_gains_and_what_others_would_choose(page: Page, run: Path) -> None:
    verdict = json.loads((run / "run.json").read_text())["verdict"]
    evidence = page.text[page.text.index("How far it carries") : page.text.index("What each fault family says")]
    for mechanism, gain in verdict["gains"].items():
        assert re.search(rf"{mechanism} \d+ % {re.escape(f'{gain:+.3f}'.replace('-', '−'))} ", evidence)
    ranking = [trial for trial, _ in verdict["ranking"]]
    assert verdict["shown"]
    for rule, trial in verdict["shown"].items():
        place = ranking.index(trial) + 1
        assert re.search(rf"{rule} n_components \d, decay [\d.]+( \w+)* {place} 0\.\d\d\d", evidence), rule
    quartile = np.quantile(list(verdict["gains"].values()), 0.25)
    assert f"here it is {quartile:+.3f}" in evidence


def test_every_family_has_its_row(page: Page, run: Path) -> None:
    verdict = json.loads((run / "run.json").read_text())["verdict"]
    for name, family in verdict["families"].items():
        assert name in page.text
        assert family["mechanism"] in page.text
        assert family["why"] in page.text
        for value in (family["median_auc"], family["utility"]):
            assert f"{value:.3f}" in page.text


def test_it_says_how_it_was_made(page: Page) -> None:
    made = page.text[page.text.index("How it was made") :]
    for words in (
        "f" * 32,
        "config.data.clips",
        "gensup",
        "240 anomalies of 10 normal twins, made from 10 recordings; 10 nuisance copies",
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
    assert {
        "answer",
        "map",
        "evidence",
        "families",
        "twins",
        "scores",
        "space",
        "neighbours",
        "ladders",
        "made",
    } <= set(page.ids)
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
    test_nothing_comes_from_outside_and_one_script_runs(page)
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


def test_no_evidence_stays_with_the_default(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", Wanted(taint={"none": 0.9}))
    page = Page(write_report(run))
    assert "Answer: default" in page.text
    assert "The published setting stands: twfr-gmm (backend.n_components=1, pooling.decay=0.0)." in page.text
    assert "Tainted." in page.text
    assert "there is no utility to compare" in page.text
    assert "without a vote there is no ranking" in page.text
    assert "evidence" in page.ids  # what other rules would choose
    assert "space" not in page.ids
    assert "Built: the published default" in page.text
    assert len(page.pairs) == 2 * PAIRS


def test_no_default_and_no_evidence_chooses_nothing(tmp_path: Path) -> None:
    wanted = Wanted(families={"hiss": "noise-added"}, pairs=1, default=None, taint={"none": 0.9})
    page = Page(write_report(fake_run(tmp_path / "run", wanted)))
    assert "Nothing is chosen." in page.text
    assert "scores" not in page.ids


def test_a_hedge_says_what_it_is(tmp_path: Path) -> None:
    page = Page(write_report(fake_run(tmp_path / "run", Wanted(families={"hiss": "noise-added"}))))
    assert "Answer: hedge" in page.text
    assert "Use the mean of the 2 best candidates, hedged by a panel of 5." in page.text
    assert "by the louder of the two" in page.text


@pytest.mark.parametrize(
    ("choosing", "why"), [("single", "--answer single asked for it"), ("auto", "more is beyond the device's limits")]
)
def test_another_form_than_the_evidence_allows_is_explained(tmp_path: Path, choosing: str, why: str) -> None:
    run = fake_run(tmp_path / "run", Wanted(asked="single", choosing={"answer": choosing}))
    page = Page(write_report(run))
    trials = {
        trial["id"]: Trial(**trial) for trial in json.loads((run / "trials" / "table.json").read_text())["trials"]
    }
    first = json.loads((run / "run.json").read_text())["verdict"]["members"][0]
    assert f"Use {describe(trials[first])}." in page.text
    assert f"built was the best candidate alone, because {why}." in page.text


def test_suspects_are_named_with_a_way_out(tmp_path: Path) -> None:
    suspects = tuple((f"blower/train/{i}.wav", 30.0 - i) for i in range(10))
    run = fake_run(tmp_path / "run", Wanted(suspects=suspects, choosing={"answer": "auto", "drop_suspects": 2}))
    page = Page(write_report(run))
    assert "10 normal recordings sound unlike the others." in page.text
    assert "--drop-suspects 10" in page.text
    assert all(path in page.text for path, _ in suspects)
    assert "blower/train/1.wav 29.0 robust standard deviations from the others, left out" in page.text
    assert "blower/train/2.wav 28.0 robust standard deviations from the others blower" in page.text
    assert "2 more" in page.text


def test_further_rungs_are_heard_and_named(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", Wanted(further="knock"))
    page = Page(write_report(run))
    assert "made for it afterwards: severity 8" in page.text
    assert "250 anomalies of 10 normal twins" in page.text
    assert "once more where a ladder lacked the severity it is read at (knock)" in page.text


def test_real_labels_stand_after_the_verdict_and_apart(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", Wanted(twins=False))
    before = Page(write_report(run))
    assert "oracle" not in before.ids
    assert "is not known from this page" in before.text
    found = real_labels(run)
    page = Page(write_report(run))
    assert page.ids.index("oracle") > page.ids.index("ladders")
    # But for the way to it, the verdict reads as before.
    assert page.text[: page.text.index("No real anomaly was used")] in before.text
    said = page.text[page.text.index("What real labels say") :]
    for row in found.rows:
        assert row.name in said
        assert f"{row.figures.auc:.3f}" in said
    for line in found.undefined:
        assert line in said
    assert "is not known from this page" not in page.text
    assert found.best not in said  # in words, not as a hash


def test_one_axis_is_a_line_and_none_is_left_out(tmp_path: Path) -> None:
    one = Wanted(axes={"backend.n_components": [1, 2, 4]}, default={"backend.n_components": 2}, twins=False)
    page = Page(write_report(fake_run(tmp_path / "one", one)))
    assert "space" in page.ids
    assert "n_components" in unquote(page.every("img")[4]["src"])
    none = Wanted(axes={}, default={}, twins=False)
    page = Page(write_report(fake_run(tmp_path / "none", none)))
    assert "map" in page.ids
    assert "space" not in page.ids


def test_long_and_loud_clips_are_shortened_and_turned_down(tmp_path: Path) -> None:
    families = {"hiss": "noise-added"}
    wanted = Wanted(families=families, seconds=10, level=0.6, severities=(2.0,), pairs=1)
    run = fake_run(tmp_path / "run", wanted)
    page = Page(write_report(run))
    for player in page.pairs:
        heard, rate = soundfile.read(BytesIO(base64.b64decode(player["src"].removeprefix(FLAC))))
        assert len(heard) == SECONDS * rate
        assert np.abs(heard).max() <= 10 ** (-1 / 20)
    assert "dB softer than recorded; 6.0 s of 10.0 s" in page.text
    assert (run / "report.html").stat().st_size < 12e6
