"""Clip -> caption. A style is a template of prompts/; this module says what the template is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gensup import resources
from gensup.captions import sandbox
from gensup.captions.faults import FaultRow
from gensup.captions.machines import article, base_name, in_words, noun
from gensup.captions.prompts import AttributeRow, Meaning, attribute_rows
from gensup.clip import Clip, Condition
from gensup.errors import GensupError
from gensup.registry import unknown

_SUFFIX = ".j2"
_NOTHING = ("none", "noattribute")  # values that say there is none


def caption(
    clip: Clip,
    *,
    condition: Condition | None = None,
    style: str = "paper",
    fault: FaultRow | None = None,
    overlay: Path | None = None,
) -> str:
    """What a clip sounds like, in words.

    A template is given ``condition``, ``machine`` (a noun), ``article`` (a or an), ``attributes`` (phrases in the order
    of the name), ``microphones`` (where they stand) and ``fault`` (how the fault sounds; "" for a normal clip or where
    nobody says). Section, domain, split and index are never said.

    Args:
        condition: None is the clip's own; a clip that says none is taken as normal.
        style: the stem of a ``.j2`` file in prompts/ or in ``overlay``.

    Raises:
        GensupError: unknown style, or a template, row or value that breaks a rule.
    """
    return _render(clip, condition or clip.condition or "normal", template(style, overlay), style, fault, overlay)


def template(style: str, overlay: Path | None = None) -> str:
    """The text of a style's template.

    Raises:
        GensupError: no such style (the nearest names are in the message), or one that cannot tell normal from faulty.
    """
    try:
        source = resources.text("prompts", f"{style}{_SUFFIX}", overlay)
    except GensupError:
        known = resources.names("prompts", _SUFFIX, overlay)
        if style not in known:
            raise unknown("caption style", style, known, where="--style") from None
        raise
    if not {"condition", "fault"} & sandbox.variables(source, f"{style}{_SUFFIX}"):
        raise GensupError(
            "a caption that does not say the condition",
            where=f"{style}{_SUFFIX}",
            rule="normal and anomaly differ in the words for the condition",
            remedy="write {{ condition }} into the template",
        )
    return source


def speaks_of_faults(style: str, overlay: Path | None = None) -> bool:
    """Whether a style says which fault it is (``paper`` does not)."""
    return "fault" in sandbox.variables(template(style, overlay), f"{style}{_SUFFIX}")


def _render(
    clip: Clip, condition: Condition, source: str, style: str, fault: FaultRow | None, overlay: Path | None
) -> str:
    name = noun(clip.machine, overlay)
    attributes, microphones = phrases(clip, overlay)
    context: dict[str, sandbox.Value] = {
        "condition": condition,
        "machine": name,
        "article": article(name),
        "attributes": attributes,
        "microphones": microphones,
        "fault": fault.words if fault is not None and condition == "anomaly" else "",
    }
    text = _tidy(sandbox.render(source, context, where=f"{style}{_SUFFIX}"))
    if not text:
        raise GensupError("an empty caption", where=f"{style}{_SUFFIX}", value=clip.path, remedy="mend the template")
    return text


def phrases(clip: Clip, overlay: Path | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a clip's attributes say: phrases, and the places of its microphones, both in the order of the name."""
    rows = attribute_rows(overlay)
    machines = () if clip.machine is None else (clip.machine, base_name(clip.machine, overlay))
    said: list[str] = []
    microphones: list[str] = []
    for key, value in clip.attributes:
        meaning = _meaning(_row(rows, key), machines)
        text = _tidy(_say(key, value, meaning))
        if text:
            (microphones if meaning.microphone else said).append(text)
    return tuple(said), tuple(microphones)


def _row(rows: Mapping[str, AttributeRow], key: str) -> AttributeRow | None:
    """The row of a key; in other case too, but for one or two letters (``N`` is a unit, ``n`` a noise)."""
    if key in rows or len(key) < 3:
        return rows.get(key)
    found = [row for name, row in rows.items() if name.casefold() == key.casefold()]
    return found[0] if len(found) == 1 else None


def _meaning(row: AttributeRow | None, machines: tuple[str, ...]) -> Meaning:
    if row is None:
        return Meaning()
    return next((row.machines[machine] for machine in machines if machine in row.machines), row)


def _say(key: str, value: str, meaning: Meaning) -> str:
    if value in meaning.values:
        return meaning.values[value]
    words = " ".join(word for word in value.replace("_", " ").split() if word.lower() not in _NOTHING)
    if not words or meaning.phrase == "":
        return ""
    if meaning.microphone:
        return words
    if meaning.phrase is None:
        return f"{in_words(key) or key} {words}"
    return meaning.phrase.replace("{value}", words, 1)


def _tidy(text: str) -> str:
    return " ".join(text.replace("_", " ").split())
