"""Where clips lie by their sound, drawn and counted."""

from __future__ import annotations

from urllib.parse import unquote
from xml.etree import ElementTree

from gensup.reporting.run_folder import Neighbourhood
from gensup.reporting.scatter import scatter


def test_every_clip_has_a_mark_and_every_kind_its_count() -> None:
    mechanisms = ("a", "a", "b", "c", "d", "e", "f", None, None, None, None)
    roles = ("anomaly",) * 7 + ("normal",) * 3 + ("sham",)
    found = Neighbourhood(
        clips=tuple(f"c{i}" for i in range(11)),
        roles=roles,  # type: ignore[arg-type]
        target=(False,) * 7 + (True, False, False, False),
        mechanisms=mechanisms,
        places=tuple((float(i), float(-i)) for i in range(11)),
    )
    picture = scatter(found, {"e": 0.5, "f": 0.3})
    assert picture.alt.endswith(
        "2 normal clips, 1 normal clips, target domain, 1 normal twins, 2 other anomalies, 1 e, 1 f, 2 a, 1 b"
    )
    root = ElementTree.fromstring(unquote(picture.uri.partition(",")[2]))
    shapes = [e for e in root.iter() if e.tag.rpartition("}")[2] in ("circle", "polygon")]
    assert len(shapes) == 11 + 8  # and one a kind below


def test_one_place_for_all_is_drawn_too() -> None:
    found = Neighbourhood(
        clips=("a", "b"), roles=("normal", "normal"), target=(False, False), mechanisms=(None, None),
        places=((1.0, 1.0), (1.0, 1.0)),
    )  # fmt: skip
    ElementTree.fromstring(unquote(scatter(found, {}).uri.partition(",")[2]))
