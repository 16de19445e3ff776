"""Tokens: the estimate beside a real tokenizer that is made here, and what happens to a caption that has too many."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from gensup.captions import CountedRow, caption, caption_rows, counted_rows, faults_for
from gensup.captions.prompts import machine_rows
from gensup.captions.tokens import LIMITS, Limit, Tokenizer, checked, count, cut, over, tokens_of
from gensup.errors import GensupError
from gensup.metadata import parse
from gensup.steps.scan import caption as step
from gensup.synthesis.tokenizer import load_tokenizer

TAIL = "section_00_source_train_normal_0000_id_A1_spd_28V_mic_1.wav"
CLIPS = [parse(f"{machine}/train/{TAIL}") for machine in machine_rows()]


def every_caption() -> list[str]:
    return [
        caption(clip, condition=condition, style=style, fault=fault)
        for clip in CLIPS
        for style, condition, faults in (
            ("paper", "normal", (None,)),
            ("paper", "anomaly", (None,)),
            ("descriptive", "anomaly", (None, *faults_for(clip.machine))),
        )
        for fault in faults
    ]  # type: ignore[misc]


TEXTS = every_caption()[:6]


def made(folder: Path, *, learnt: list[str], size: int, most: int) -> Path:
    """A byte-level BPE tokenizer like that of CLAP's text encoder, learnt from a few texts and saved."""
    from tokenizers import Tokenizer as Made
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Made(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(learnt, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=most,
    )
    fast.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("tokenizer"), learnt=every_caption(), size=1000, most=64)


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


def test_a_tokenizer_counts_with_its_own_tokens(tokenizer: Tokenizer) -> None:
    assert count("", tokenizer) == (2, True)
    ids = list(tokenizer("This is the normal sound of a fan.")["input_ids"])
    assert (ids[0], ids[-1]) == (0, 2)
    assert count("This is the normal sound of a fan.", tokenizer) == (len(ids), True)
    assert Limit.of(tokenizer).tokens == 64


def test_the_rule_of_the_estimate() -> None:
    for text, tokens in (("", 0), ("a", 1), ("toy", 1), ("Toys", 2), ("gearbox", 2), ("grinding", 3), ("LED", 3)):
        assert count(text) == (2 + tokens, False)
    for text, tokens in (("31V,", 3), ("B2 a-b", 5), ("0.300", 4), ("Fräse", 4), ("泵", 3), ("toyCar", 2)):
        assert count(text) == (2 + tokens, False)


def test_the_estimate_is_above_a_real_tokenizer(tokenizer: Tokenizer) -> None:
    longest = f"CoffeeGrinder/train/{TAIL.replace('id_A1_spd_28V_mic_1', 'bkg_Z_mic_imp34dt05_mic_pos_B_grind_300')}"
    for text in (*every_caption(), caption(parse(longest), condition="anomaly", style="descriptive")):
        assert count(text)[0] >= count(text, tokenizer)[0], text
        assert count(text)[0] <= LIMITS["clap"], text


def test_one_token_a_byte_is_what_the_estimate_does_not_promise(tmp_path: Path) -> None:
    bytes_only = load_tokenizer(made(tmp_path, learnt=[], size=260, most=64))
    word = "".join(random.Random(0).choices(string.ascii_lowercase, k=30))
    assert count(word, bytes_only) == (32, True)
    assert count(word) == (10, False)
    for foreign in ("泵", "é", "%", "Ж-7"):
        assert count(foreign)[0] >= count(foreign, bytes_only)[0]


def test_what_is_over_the_limit_is_refused() -> None:
    texts = ["This is the normal sound of a fan.", "This is the normal sound of a fan with model B2."]
    assert checked(texts, [Limit(77)]) == {text: text for text in texts}
    with pytest.raises(GensupError) as caught:
        checked(texts * 2, [Limit(77), Limit(18, encoder="clap")])
    assert str(caught.value) == (
        "clap: 1 of 2 captions may be over the limit (got '20 tokens (an estimate from above): This is the normal "
        "sound of a fan with model B2.'); at most 18, and the end of a longer caption would be lost without a word; "
        "count with its own --tokenizer PATH, shorten the template, or --truncate"
    )


def test_what_a_tokenizer_counts_is_no_estimate(tokenizer: Tokenizer) -> None:
    text = "This is the normal sound of a fan with model B2."
    tokens, _ = count(text, tokenizer)
    assert over(text, [Limit(tokens, tokenizer)]) is None
    with pytest.raises(GensupError, match=rf"captions are over the limit .got '{tokens} tokens: This.*; shorten the"):
        checked([text], [Limit(tokens - 1, tokenizer)])


@pytest.mark.parametrize("most", [4, 17, 30, 43])
def test_a_cut_is_the_longest_beginning_that_ends_with_a_word(most: int, tokenizer: Tokenizer) -> None:
    for limits in ([Limit(most)], [Limit(most, tokenizer)], [Limit(most, tokenizer), Limit(most)]):
        for text in TEXTS:
            short = cut(text, limits)
            words = text.split()
            kept = len(short.split())
            assert over(short, limits) is None
            assert [word.rstrip(",") for word in short.split()][-1] == words[kept - 1].rstrip(",")
            assert text.startswith(short)
            if short != text:
                assert not short.endswith(",")
                assert over(" ".join(words[: kept + 1]).rstrip(","), limits) is not None


def test_not_one_word() -> None:
    with pytest.raises(GensupError, match="not one word fits"):
        cut("grinding", [Limit(3)])


def test_rows_within_a_limit() -> None:
    rows = list(caption_rows(CLIPS[:3], condition="both", style="descriptive"))
    whole = list(counted_rows(rows, Limit(77)))
    assert [(row.path, row.caption, row.condition, row.fault) for row in whole] == [
        (row.path, row.caption, row.condition, row.fault) for row in rows
    ]
    assert all((row.tokens, row.exact, row.cut) == (*count(row.caption), False) for row in whole)
    short = list(counted_rows(rows, Limit(40), truncate=True))
    assert all(row.cut and row.tokens <= 40 for row in short)
    assert all("running with a fault" in row.caption for row in short if row.condition == "anomaly")
    with pytest.raises(GensupError, match="over the limit"):
        counted_rows(rows, Limit(40))


def test_a_cut_that_would_drop_the_condition(tmp_path: Path) -> None:
    (tmp_path / "late.j2").write_text("The sound of {{ article }} {{ machine }} that may well be {{ condition }}")
    rows = list(caption_rows(CLIPS[:1], condition="both", style="late", overlay=tmp_path))
    with pytest.raises(GensupError, match="cut, a caption no longer says the condition"):
        counted_rows(rows, Limit(16), truncate=True)


def test_limits_by_name_and_number(tmp_path: Path) -> None:
    assert [tokens_of(text) for text in ("clap", "t5", "77", "5")] == [77, 512, 77, 5]
    for text in ("", "0", "-3", "1e3", "CLIP", "³", "9" * 30):
        with pytest.raises(GensupError, match=r"--limit: no such limit"):
            tokens_of(text)
    endless = load_tokenizer(made(tmp_path, learnt=[], size=260, most=10**30))
    with pytest.raises(GensupError, match="the tokenizer says no limit"):
        Limit.of(endless)


def test_the_step_counts_with_the_tokenizer_it_is_given(folder: Path, tmp_path: Path, tokenizer: Tokenizer) -> None:
    names = tmp_path / "names.txt"
    names.write_text(f"fan/train/{TAIL}\n")
    (row,) = step(names=names, tokenizer=folder)
    assert isinstance(row, CountedRow)
    assert (row.tokens, row.exact, row.cut) == (*count(row.caption, tokenizer), False)
    with pytest.raises(GensupError, match="1 of 1 captions are over the limit"):
        step(names=names, tokenizer=folder, limit=row.tokens - 1)
    (short,) = step(names=names, tokenizer=folder, limit=row.tokens - 1, truncate=True)
    assert isinstance(short, CountedRow)
    assert short.exact
    assert short.cut


def test_folders_that_hold_no_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="--tokenizer: no such folder"):
        load_tokenizer(tmp_path / "absent")
    with pytest.raises(GensupError, match="no tokenizer that transformers can read"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer.json").write_text("{")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    with pytest.raises(GensupError, match=r"no tokenizer that transformers can read.*; name \S*/tokenizer$"):
        load_tokenizer(tmp_path)
