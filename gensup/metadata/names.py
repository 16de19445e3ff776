"""File names of DCASE Task 2 (2020-2026), MIMII and ToyADMOS -> Clip, and back: total, reversible, never guessing.

    2020     [condition_]id_SS_IIIIIIII
    2021 on  section_SS[_domain][_split][_condition]_IIII[_attributes]
    MIMII    machine/id_SS/condition/IIIIIIII
    ToyADMOS and ToyADMOS2: see ``toyadmos``

Folders answer only what the name's grammar has no slot for: ``test/section_00_0000.wav`` has slots for split and
condition and leaves them empty, so nobody knows; ``test/id_01_00000000.wav`` has no slot for the split, so its folder
says it.

Reversible: ``format(parse(path))`` is the file's name without ``.wav`` or ``.flac``, for every text. A name that writes
its fields in another than the plain ``key_value`` way keeps a template in ``Clip.spelling``: literal text, and fields
``{section}``, ``{domain}``, ``{split}``, ``{condition}``, ``{index}``, ``{k0}`` and ``{v0}`` (key and value of pair 0),
``{u0}`` (what was not understood). ``A1Spd28VMic1`` is spelt ``{v0}Spd{v1}Mic{v2}``. No literal holds a brace, because
only known words are literals.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import cast

from gensup.clip import Clip, Condition, Domain, Split
from gensup.metadata import attributes, folders, toyadmos

EXTENSIONS = (".wav", ".flac")

_OF_2020 = re.compile(r"(?:(normal|anomaly)_)?id_([0-9]+)_([0-9]{8})")
_OF_MIMII = re.compile(r"[0-9]{8}")
_SLOT = re.compile(r"\{([a-z]+)([0-9]*)\}")
_SLOT_OF = {
    "source": "domain",
    "target": "domain",
    "train": "split",
    "test": "split",
    "supplemental": "split",
    "normal": "condition",
    "anomaly": "condition",
}
_KINDS = ("noise", "machine")


def parts(path: str) -> tuple[str, ...]:
    """``PurePosixPath(path).parts``, several times as fast for plain paths."""
    plain = tuple(path.split("/"))
    return PurePosixPath(path).parts if "" in plain or "." in plain else plain


def stem(path: str) -> str:
    """The last part of a path without ``.wav`` or ``.flac`` (any case); no other dot ends a name."""
    return _stem(parts(path))


def shown(text: str) -> str:
    """Text from a file system as a terminal may be sent it: what is not printable is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _stem(split: tuple[str, ...]) -> str:
    name = split[-1] if split and split[-1] != "/" else ""
    for extension in EXTENSIONS:
        if len(name) > len(extension) and name.lower().endswith(extension):
            return name[: -len(extension)]
    return name


def parse(path: str, *, under: tuple[str, ...] = ()) -> Clip:
    """Read what a path says. Every text is a path; nothing raises.

    Args:
        path: POSIX, relative to the root, such as ``fan/test/section_00_0000.wav``.
        under: names of folders that end with that root's own; see ``folders.read`` for what they may say.
    """
    split = parts(path)
    place = folders.read(split[:-1], under)
    name = _stem(split)
    clip = (
        _of_2021(path, name, place)
        or _of_2020(path, name, place)
        or _of_mimii(path, name, place)
        or toyadmos.read(path, name, place)
    )
    if clip is None:
        clip = Clip(
            path=path,
            year=place.year,
            machine=place.machine if place.marked else None,
            split=place.split,
            condition=place.condition or ("normal" if place.split == "supplemental" else None),
            unparsed=(name,) if name else (),
        )
    return clip


def format(clip: Clip) -> str:  # noqa: A001 - the counterpart of parse, always used as names.format
    """The name that writes a clip's fields (its path aside), without extension: as spelt, else the plain way."""
    written = None if clip.spelling is None else _fill(clip.spelling, clip)
    return _plain(clip) if written is None else written


def _of_2021(path: str, name: str, place: folders.Place) -> Clip | None:
    """``section_SS``, words, index, attributes. Words may come in any order and be missing: real lists leave some out.

    A word that is not known stays unparsed; so do two words for one slot, which contradict each other. Clips below
    ``supplemental`` (or with that word) are normal and may say their kind: clean machine sound, or noise. Their names
    are not settled (four public statements disagree).
    """
    tokens = name.split("_")
    numbers = [at for at, token in enumerate(tokens) if token.isascii() and token.isdigit()]
    if tokens[0] != "section" or numbers[:1] != [1] or len(numbers) < 2:
        return None
    words, index, rest = tokens[2 : numbers[1]], tokens[numbers[1]], tokens[numbers[1] + 1 :]
    supplemental = place.split == "supplemental" or "supplemental" in words
    slots = [_SLOT_OF.get(word) for word in words]
    said: dict[str, str] = {"split": "supplemental"} if supplemental else {}
    reading = attributes.Reading(spelling=["section", "{section}"])
    for word, slot in zip(words, slots, strict=True):
        if supplemental and slot == "split":
            # "train" and "test" are overruled: a noise recording must never train a detector.
            reading.spelling.append("{split}" if word == "supplemental" else word)
        elif slot and slots.count(slot) == 1:
            said[slot] = word
            reading.spelling.append(f"{{{slot}}}")
        elif supplemental and word in _KINDS and not reading.pairs:
            reading.spelling.append(reading.pair("kind", word, "{v}"))
        else:
            reading.leave(word)
    if supplemental:
        said.setdefault("condition", "normal")
    reading.spelling.append("{index}")
    attributes.read(rest, reading)
    clip = Clip(
        path=path,
        year=place.year,
        machine=place.machine,
        section=tokens[1],
        domain=cast("Domain | None", said.get("domain")),
        split=cast("Split | None", said.get("split")),
        condition=cast("Condition | None", said.get("condition")),
        index=index,
        attributes=tuple(reading.pairs),
        unparsed=tuple(reading.unparsed),
    )
    return clip if _plain(clip) == name else replace(clip, spelling="_".join(reading.spelling))


def _of_2020(path: str, name: str, place: folders.Place) -> Clip | None:
    found = _OF_2020.fullmatch(name)
    if found is None:
        return None
    condition, section, index = found.groups()
    return Clip(
        path=path,
        year=place.year,
        machine=place.machine,
        section=section,
        split=place.split,
        condition=cast("Condition | None", condition),
        index=index,
    )


def _of_mimii(path: str, name: str, place: folders.Place) -> Clip | None:
    """Eight digits below ``id_NN`` or a condition folder; elsewhere eight digits may be a date."""
    if not _OF_MIMII.fullmatch(name) or (place.section is None and place.condition is None):
        return None
    return Clip(
        path=path,
        year=place.year,
        machine=place.machine if place.marked else None,
        section=place.section,
        split=place.split,
        condition=place.condition,
        index=name,
        spelling="{index}",
    )


def _plain(clip: Clip) -> str:
    if clip.section is None and clip.index is None:
        return "_".join(clip.unparsed)
    head: tuple[str | None, ...]
    if clip.index is not None and len(clip.index) == 8:
        head = (clip.condition, "id", clip.section, clip.index)
    else:
        head = ("section", clip.section, clip.domain, clip.split, clip.condition, clip.index)
    pairs = (f"{key}_{value}" for key, value in clip.attributes)
    return "_".join((*(part for part in head if part is not None), *pairs, *clip.unparsed))


def _fill(template: str, clip: Clip) -> str | None:
    """The template filled from the fields; None where it does not fit them, as after an edit by hand."""
    fields = {"section": clip.section, "domain": clip.domain, "split": clip.split, "condition": clip.condition}
    said = {word: text for word, text in {**fields, "index": clip.index}.items() if text is not None}
    named: set[tuple[str, int]] = set()

    def value(slot: re.Match[str]) -> str:
        word, number = slot.groups()
        if not number:
            return said[word]
        named.add(("u" if word == "u" else "p", int(number)))
        if word == "u":
            return clip.unparsed[int(number)]
        return clip.attributes[int(number)][("k", "v").index(word)]

    try:
        written = _SLOT.sub(value, template)
    except (KeyError, IndexError, ValueError):
        return None
    return written if len(named) == len(clip.attributes) + len(clip.unparsed) else None
