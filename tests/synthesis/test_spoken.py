"""What a text-to-audio generator is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.captions import faults_for
from gensup.clip import Clip
from gensup.errors import GensupError
from gensup.synthesis.plan import Scheme, Source
from gensup.synthesis.spoken import conditions, spoken

ROWS = faults_for("fan")
CLIPS = tuple(
    Source(Clip(path=f"{i}.wav", machine="fan", section="00", domain=domain, index=str(i)), f"key{i}", 10.0)
    for i, domain in enumerate(("source", "source", "source", "target"))
)


def test_one_family_a_wording_and_one_mechanism_for_all() -> None:
    rows, left_out = spoken(ROWS, "audioldm2", "descriptive")
    assert len({row.words for row in rows}) == len(rows) == len({row.words for row in ROWS})
    assert {row.name for row in rows} | set(left_out) == {row.name for row in ROWS}
    assert {(row.mechanism, row.signature_source) for row in rows} == {("audioldm2", "generic")}
    assert all(not row.parameters for row in rows)
    for name, reason in left_out.items():
        (same,) = [row for row in ROWS if row.name == name]
        assert f'"{same.words}"' in reason


def test_faults_are_named_by_family_or_by_the_mechanism_of_their_row() -> None:
    rows, _ = spoken(ROWS, "audioldm", "descriptive", ("hiss", "event-added"))
    wanted = {row.words for row in ROWS if row.name == "hiss" or row.mechanism == "event-added"}
    assert {row.words for row in rows} == wanted
    with pytest.raises(GensupError, match="did you mean hiss"):
        spoken(ROWS, "audioldm", "descriptive", ("hisss",))


def test_a_style_that_says_no_fault_has_one_family(tmp_path: Path) -> None:
    (row,), left_out = spoken(ROWS, "audioldm", "paper")
    assert (row.name, row.mechanism, left_out) == ("anomaly", "audioldm", {})
    with pytest.raises(GensupError, match=r"--faults.*one family"):
        spoken(ROWS, "audioldm", "paper", ("hiss",))
    (tmp_path / "mine.j2").write_text("{{ condition }} {{ fault }} {{ machine }}")
    assert len(spoken(ROWS, "audioldm", "mine", prompts=tmp_path)[0]) > 1


def scheme(sources: tuple[Source, ...], model: str = "m", style: str = "descriptive") -> Scheme:
    return Scheme(
        sources=sources, rows=spoken(ROWS, "audioldm", style, () if style == "paper" else ("hiss", "knock"))[0],
        severities=(1.0, 2.0), generator="audioldm", rate=16_000, channels=1, seed=0, style=style, model=model,
    )  # fmt: skip


def test_noise_has_the_machine_s_conditions_and_claims_no_recording() -> None:
    made = conditions(CLIPS, 9, 0)
    assert len(made) == 9
    assert [source.clip.domain for source in made[:2]] == ["source", "target"]  # spread
    assert {(source.key, source.clip.path, source.clip.index) for source in made} == {(None, "", None)}
    assert made[:4] == conditions(CLIPS, 4, 0)
    orders = tuple(scheme(made).orders())
    assert len({order.twin for order in orders}) == 9
    assert len({order.id for order in orders}) == len(orders)
    assert {order.source_key for order in orders} == {None}
    longer = {order.id for order in scheme(conditions(CLIPS, 12, 0)).orders()}
    assert {order.id for order in orders} < longer


@pytest.mark.parametrize("sources", [CLIPS, conditions(CLIPS, 4, 0)])
def test_all_orders_of_a_twin_share_a_seed_and_no_other_twin_has_it(sources: tuple[Source, ...]) -> None:
    orders = tuple(scheme(sources).orders())
    seeds = {order.twin: order.seed for order in orders}
    assert {(order.twin, order.seed) for order in orders} == set(seeds.items())
    assert len(set(seeds.values())) == 4
    assert not seeds.keys() & {order.twin for order in scheme(sources, "another model").orders()}


def test_captions_of_a_family_without_words() -> None:
    orders = tuple(scheme(CLIPS[:1], style="paper").orders())
    assert {order.captions for order in orders} == {
        ("This is the normal sound of a fan.", "This is the anomaly sound of a fan.")
    }
