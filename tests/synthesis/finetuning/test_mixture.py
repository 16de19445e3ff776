"""Captions of training: their shares, the same ones at the same place, and no fault that nobody named."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy import stats

from gensup.captions import caption
from gensup.captions.faults import fault_rows
from gensup.errors import GensupError
from gensup.synthesis.finetuning.mixture import EMPTY, SHARES, Mixture, all_captions
from tests.synthesis.finetuning.clips import dcase, training_clip

NORMAL = training_clip("ToyCar/train/section_00_source_train_normal_0000_car_B1_spd_31V_mic_1.wav")
ANOMALY = training_clip("ToyCar/test/section_00_source_test_anomaly_0000_car_B1_spd_31V_mic_1.wav")
BROKEN = training_clip("ToyTrain/A1/anomaly/TA001-carA1-speed1-d-damageL_mic1_00002.wav")
UNSAID = training_clip("bearing/train/own.wav", "target")


def test_shares() -> None:
    mixture = Mixture([ANOMALY], 0)
    drawn = [text for step in range(300) for text in mixture.draw(step, [0] * 32)]
    of = {
        "paper": caption(ANOMALY.clip, style="paper"),
        "descriptive": caption(ANOMALY.clip, style="descriptive"),
        "plain": "This is the anomaly sound of a toy car.",
        "empty": EMPTY,
    }
    assert set(drawn) == set(of.values())
    assert sum(SHARES.values()) == pytest.approx(1)
    stated = {"paper": 0.5, "descriptive": 0.3, "plain": 0.1, "empty": 0.1}
    counts = [drawn.count(of[kind]) for kind in stated]
    assert stats.chisquare(counts, [len(drawn) * share for share in stated.values()]).pvalue > 0.01


def test_a_row_is_drawn_alike_whenever_it_is_drawn() -> None:
    clips = [NORMAL, ANOMALY, BROKEN, UNSAID]
    rows = [3, 1, 2, 0, 1, 1, 0, 2]
    whole = [Mixture(clips, 3).draw(step, rows) for step in range(10)]
    assert [Mixture(clips, 3).draw(step, rows) for step in range(4, 10)] == whole[4:]
    halves = [
        Mixture(clips, 3).draw(step, rows[:4]) + Mixture(clips, 3).draw(step, rows[4:], first=4) for step in range(10)
    ]
    assert halves == whole, "two processes"
    assert len(set(whole)) > 1
    assert [Mixture(clips, 4).draw(step, rows) for step in range(10)] != whole


def test_all_captions_are_known_before() -> None:
    clips = [*dcase("fan", ["m-n_W", "m-n_X"]), NORMAL, ANOMALY, BROKEN, UNSAID]
    known = all_captions(clips)
    assert known == tuple(sorted(set(known)))
    assert EMPTY in known
    mixture = Mixture(clips, 8)
    drawn = {text for step in range(200) for text in mixture.draw(step, range(len(clips)))}
    assert drawn == set(known)
    assert mixture.all_captions() == known


def test_no_fault_is_said_that_the_data_set_does_not_name() -> None:
    words = {row.words for row in fault_rows().values()} | {row.fault for row in fault_rows().values()}
    for clip in (NORMAL, ANOMALY, *dcase("fan"), *dcase("valve"), *dcase("gearbox")):
        for text in all_captions([clip]):
            said = text.replace("an unusual, irregular sound", "")  # what the template says of any anomaly
            assert not [word for word in words if word in said], text
    assert [text for text in all_captions([BROKEN]) if "flat tire" in text] == [
        "High quality, clear recording of a toy train running with a fault, flat tire, with model A1 and speed 1,"
        " recorded by a microphone placed at the position 1."
    ]
    assert not [text for text in all_captions([BROKEN]) if "damage" in text]


def test_a_clip_taken_as_normal_is_called_normal() -> None:
    assert "This is the normal sound of a bearing." in all_captions([UNSAID])


def test_an_overlays_words(tmp_path: Path) -> None:
    (tmp_path / "machines.yaml").write_text("ToyCar: {noun: model car}\n")
    assert "This is the normal sound of a model car." in all_captions([NORMAL], tmp_path)
    (tmp_path / "paper.j2").write_text("{{ machine }}")
    with pytest.raises(GensupError, match="does not say the condition"):
        all_captions([NORMAL], tmp_path)
