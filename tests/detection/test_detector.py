"""Detectors and their folders: chains, and fusions of chains and fusions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from gensup.detection import features
from gensup.detection.chain import ChainDetector, Wanted, fit, fit_many
from gensup.detection.crossfit import Arrangement, crossfit
from gensup.detection.detector import Detector, load
from gensup.detection.examples import Examples
from gensup.detection.fusion import Fusion, fuse
from gensup.detection.held_out import HeldOut
from gensup.engine import Inline, Local
from gensup.errors import GensupError
from tests.detection.conftest import N, params

GROUP_BY = ("machine", "section")
CONFIGURATIONS = {
    "a": params(1.0, 1),
    "b": params(0.3, 1),
    "c": params(0.3, 2),
    "d": params(0.3, 1, **{"frontend.n_mels": 12}),
}


@dataclass(frozen=True)
class Fitted:
    """Chains and their held-out scores, and the hedge that is made of them."""

    chains: dict[str, ChainDetector]
    held_out: dict[str, np.ndarray]
    hedge: Fusion
    hedge_held_out: np.ndarray


@pytest.fixture(scope="module")
def normals(clips: Examples) -> Examples:
    return clips.take(range(N))


@pytest.fixture(scope="module")
def fitted(normals: Examples) -> Fitted:
    arrangement = Arrangement(train=np.full(N, True), fold=np.arange(N) // 2 % 3)
    held_out = {
        trial: scores
        for done in crossfit(Inline(), CONFIGURATIONS, normals, [arrangement])
        for trial, scores in zip(done.trials, done.scores[:, 0], strict=True)
    }
    wanted = [Wanted("twfr-gmm", CONFIGURATIONS[t], held_out[t]) for t in CONFIGURATIONS]
    detectors = dict(zip(CONFIGURATIONS, fit_many(Inline(), wanted, GROUP_BY, normals, machine="fan"), strict=True))

    def fused(how: str, trials: str) -> tuple[Fusion, np.ndarray]:
        return fuse(how, [detectors[t] for t in trials], [held_out[t] for t in trials])  # type: ignore[arg-type]

    mean, mean_held_out = fused("mean", "abc")
    panel, panel_held_out = fused("max", "cd")  # c stands in both
    hedge, hedge_held_out = fuse("max", [mean, panel], [mean_held_out, panel_held_out])
    return Fitted(detectors, held_out, hedge, hedge_held_out)


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_chain_survives_its_folder(fitted: Fitted, clips: Examples, tmp_path: Path) -> None:
    detector = fitted.chains["c"]
    detector.save(tmp_path / "detector")
    again = load(tmp_path / "detector")
    assert isinstance(again, ChainDetector)
    np.testing.assert_array_equal(detector.score(clips, Inline()), again.score(clips, Inline()))
    assert (again.params, again.held_out, again.groups) == (detector.params, detector.held_out, ("fan/00", "fan/01"))
    assert detector.threshold == np.quantile(fitted.held_out["c"], 0.9)
    np.testing.assert_allclose(detector.normalised(fitted.held_out["c"]).std(), 1)
    assert files(tmp_path / "detector").keys() == {"detector.json", "model.safetensors"}


def test_many_are_fitted_as_each_alone_and_hear_once(
    fitted: Fitted, normals: Examples, clips: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trial, detector in fitted.chains.items():
        alone = fit(
            Inline(), "twfr-gmm", GROUP_BY, CONFIGURATIONS[trial], normals, fitted.held_out[trial], machine="fan"
        )
        assert alone.files() == detector.files()
    heard = counted(monkeypatch)
    wanted = [Wanted("twfr-gmm", p, np.arange(N)) for p in CONFIGURATIONS.values()]
    fit_many(Inline(), wanted, GROUP_BY, normals, machine="fan")
    assert heard.calls == [(2, N), (1, N)]  # two poolings of the one frontend, one of the other


def test_many_workers_fit_the_same_bytes(fitted: Fitted, normals: Examples) -> None:
    wanted = [Wanted("twfr-gmm", CONFIGURATIONS[t], fitted.held_out[t]) for t in ("c", "a")]
    made = fit_many(Local(2), wanted, GROUP_BY, normals, machine="fan")
    assert [d.files() for d in made] == [fitted.chains[t].files() for t in ("c", "a")]


@dataclass
class Counted:
    """Calls of ``pooled``: poolings and clips of each."""

    calls: list[tuple[int, int]] = field(default_factory=list)


def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    heard, plain = Counted(), features.pooled

    def pooled(engine, examples, frontend, poolings, cache=None):  # type: ignore[no-untyped-def]
        heard.calls.append((len(poolings), len(examples)))
        return plain(engine, examples, frontend, poolings, cache)

    monkeypatch.setattr("gensup.detection.chain.pooled", pooled)
    return heard


def z(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    return (scores - held_out.mean()) / held_out.std()


def test_a_fusion_is_its_formula(fitted: Fitted, clips: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    """hedged = max(z(mean of z over the top), z(max of z over the panel)), standardised again."""
    raw = {t: d.score(clips, Inline()) for t, d in fitted.chains.items()}

    def hedged(of: dict[str, np.ndarray]) -> np.ndarray:
        def mean(s: dict[str, np.ndarray]) -> np.ndarray:
            return np.mean([z(s[t], fitted.held_out[t]) for t in "abc"], axis=0)

        def panel(s: dict[str, np.ndarray]) -> np.ndarray:
            return np.max([z(s[t], fitted.held_out[t]) for t in "cd"], axis=0)

        parts = [z(part(of), part(fitted.held_out)) for part in (mean, panel)]
        return np.max(parts, axis=0)

    held_out = hedged(fitted.held_out)
    np.testing.assert_allclose(fitted.hedge_held_out, held_out, rtol=1e-12)
    heard = counted(monkeypatch)
    scores = fitted.hedge.score(clips, Inline())
    assert heard.calls == [(2, 2 * N), (1, 2 * N)]
    np.testing.assert_allclose(scores, hedged(raw), rtol=1e-12)
    np.testing.assert_allclose(fitted.hedge.normalised(scores), z(scores, held_out), rtol=1e-9)
    assert fitted.hedge.threshold == np.quantile(fitted.hedge_held_out, 0.9)
    assert len(fitted.hedge.chains()) == 4
    assert fitted.hedge.description == "max of (mean of (3 twfr-gmm), max of (2 twfr-gmm))"
    assert (scores[N:] > scores[:N]).all()  # a hiss is heard


def test_each_chain_scores_once(fitted: Fitted, clips: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ChainDetector] = []
    plain = ChainDetector.score_vectors

    def score_vectors(self, x, group):  # type: ignore[no-untyped-def]
        asked.append(self)
        return plain(self, x, group)

    monkeypatch.setattr(ChainDetector, "score_vectors", score_vectors)
    fitted.hedge.score(clips, Inline())
    assert len(asked) == len(set(asked)) == 4


def test_a_fusion_survives_its_folder(fitted: Fitted, clips: Examples, tmp_path: Path) -> None:
    fitted.hedge.save(tmp_path / "one")
    again = load(tmp_path / "one")
    assert isinstance(again, Fusion)
    np.testing.assert_array_equal(again.score(clips, Inline()), fitted.hedge.score(clips, Inline()))
    assert again.held_out == fitted.hedge.held_out
    assert again.description == fitted.hedge.description
    assert len(again.chains()) == 4  # and not 5: the one that stands in both is one
    first = files(tmp_path / "one")
    assert len(first) == 1 + 4 * 2
    again.save(tmp_path / "two")
    assert files(tmp_path / "two") == first
    for member in (tmp_path / "one" / "members").iterdir():
        assert isinstance(load(member), ChainDetector)  # each is a detector by itself
    said = json.loads((tmp_path / "one" / "detector.json").read_text())
    assert {"kind", "machine", "held_out", "rate", "channel", "schema"} <= said.keys()


def test_every_kind_offers_what_a_detector_does(fitted: Fitted, clips: Examples) -> None:
    kinds: list[Detector] = [fitted.chains["a"], fitted.hedge]
    for detector in kinds:
        assert (detector.machine, detector.rate, detector.channel, detector.group_by) == ("fan", 8000, 0, GROUP_BY)
        assert detector.groups == ("fan/00", "fan/01")
        assert detector.group_of("fan/01", "") == "fan/01"
        assert detector.description
        with pytest.raises(GensupError, match=r"x\.wav.*not said"):
            detector.group_of("", "x.wav")


def test_a_folder_holds_what_was_saved_last(fitted: Fitted, tmp_path: Path) -> None:
    fitted.hedge.save(tmp_path / "fusion")
    fitted.chains["a"].save(tmp_path / "chain")
    place = tmp_path / "place"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    for detector, alike in ((fitted.hedge, "fusion"), (fitted.chains["a"], "chain"), (fitted.hedge, "fusion")):
        detector.save(place)
        assert files(place).keys() - {"notes.txt"} == files(tmp_path / alike).keys()
    smaller, _ = fuse("mean", [fitted.chains["a"]], [fitted.held_out["a"]])
    smaller.save(place)
    assert len(files(place)) == 1 + 1 + 2
    assert load(place).held_out == smaller.held_out


def test_a_group_inside_anothers_name(fitted: Fitted, clips: Examples, tmp_path: Path) -> None:
    """Clips that say no section are a group of their own beside those that do."""
    normals = replace(clips.take(range(N)), group=("fan", "fan/00") * (N // 2))
    detector = fit(Inline(), "twfr-gmm", GROUP_BY, params(1.0, 2), normals, np.arange(N), machine="fan")
    detector.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).score(normals, Inline()), detector.score(normals, Inline()))


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def edited(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda f: (f / "detector.json").unlink(), "no detector here"),
        (lambda f: (f / "detector.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "detector.json").write_text("[]"), "description is damaged"),
        (lambda f: edited(f / "detector.json", schema=99), "newer gensup"),
        (lambda f: edited(f / "detector.json", kind="fushion"), "did you mean fusion"),
        (lambda f: edited(f / "detector.json", kind=None), "unknown kind of detector"),
        (lambda f: edited(f / "detector.json", kind="chain"), "not those of this detector"),
        (lambda f: edited(f / "detector.json", combine="min"), "description is damaged"),
        (lambda f: edited(f / "detector.json", members=[]), "description is damaged"),
        (lambda f: edited(f / "detector.json", members=[{"chain": "../../x"}]), "description is damaged"),
        (lambda f: edited(f / "detector.json", members=[{"chain": 64 * "0"}]), "not those of this detector"),
        (lambda f: edited(f / "detector.json", machine="pump"), "its members say fan"),
        (lambda f: edited(f / "detector.json", held_out={"mean": 0, "sd": 0, "threshold": 0}), "is damaged"),
        (lambda f: flipped(first(f, "members/*/model.safetensors")), "weights are not those"),
        (lambda f: flipped(first(f, "members/*/detector.json")), "members are not those"),
        (lambda f: edited(first(f, "members/*/detector.json"), machine="fan"), "members are not those"),
        (lambda f: first(f, "members/*/detector.json").unlink(), "members are not those"),
        (lambda f: first(f, "members/*/model.safetensors").unlink(), "weights are not those"),
        (lambda f: shutil.rmtree(f / "members"), "members are not those"),
    ],
)
def test_a_fusion_that_was_tampered_with(
    fitted: Fitted, tmp_path: Path, damage: Callable[[Path], None], word: str
) -> None:
    fitted.hedge.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(GensupError, match=word):
        load(tmp_path)


def test_a_chain_that_was_tampered_with(fitted: Fitted, tmp_path: Path) -> None:
    fitted.chains["a"].save(tmp_path)
    weights = tmp_path / "model.safetensors"
    flipped(weights)
    with pytest.raises(GensupError, match="not those of this detector"):
        load(tmp_path)
    weights.write_bytes(b"no safetensors")
    edited(tmp_path / "detector.json", weights_sha256=sha256(b"no safetensors").hexdigest())
    with pytest.raises(GensupError, match="lack an array"):
        load(tmp_path)
    with pytest.raises(GensupError, match="no detector here"):
        load(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({"machine": "pump"}, "machine"),
        ({"rate": 16000}, "rate"),
        ({"channel": "far"}, "channel"),
        ({"models": {}}, "groups"),
    ],
)
def test_what_does_not_hear_the_same_is_not_fused(fitted: Fitted, other: dict, where: str) -> None:
    one = fitted.chains["a"]
    with pytest.raises(GensupError, match=f"{where}: these detectors cannot be fused"):
        fuse("mean", [one, replace(one, **other)], [fitted.held_out["a"]] * 2)


def test_a_fusion_of_nothing() -> None:
    with pytest.raises(GensupError, match="fusion of nothing"):
        fuse("mean", [], [])


def test_equal_scores_have_a_scale() -> None:
    held = HeldOut.of(np.full(5, 3.0))
    assert (held.mean, held.sd, held.threshold) == (3.0, 1.0, 3.0)
    np.testing.assert_array_equal(held.normalised(np.array([3.0, 4.0])), [0, 1])
