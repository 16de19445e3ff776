"""What a machine is called: its noun, the article before it, and the other names it goes by."""

from __future__ import annotations

import re
from pathlib import Path

from gensup.captions.prompts import machine_rows
from gensup.errors import GensupError

_EMULATED = "Emu"
# Words of a folder name: capitals in a row (LED, M4), a capital and what follows it (3DPrinter: 3D, Printer), the rest.
_WORDS = re.compile(r"[0-9]*[A-Z]+(?![a-z])[0-9]*|[0-9]*[A-Z]?[^A-Z_\W]+|[0-9]+")
_AN_LETTERS = "AEFHILMNORSX"  # letters whose names begin with a vowel: an N scale train
_AN_WORDS = re.compile(r"(?:[aeio]|u(?!ni|s[aei]|ti)|hour|8|1[18](?!\d))", re.IGNORECASE)
_A_WORDS = re.compile(r"(?:eu|one)", re.IGNORECASE)


def noun(machine: str | None, overlay: Path | None = None) -> str:
    """The noun phrase of a machine, without article; "machine" for one that is not named."""
    if machine is None:
        return "machine"
    rows = machine_rows(overlay)
    name = listed_name(machine, overlay)
    if name is not None:
        return rows[name].noun
    base = machine.removesuffix(_EMULATED)
    if base and base != machine:
        return noun(base, overlay)
    words = _WORDS.findall(machine)
    return " ".join(word if _is_acronym(word) else word.lower() for word in words) or "machine"


def article(words: str) -> str:
    """ "a" or "an", by how the first word is spoken."""
    first = re.split(r"[\s-]", words, maxsplit=1)[0]
    if _is_acronym(first) and first[0].isalpha():
        return "an" if first[0] in _AN_LETTERS else "a"
    return "an" if _AN_WORDS.match(first) and not _A_WORDS.match(first) else "a"


def listed_name(machine: str, overlay: Path | None = None) -> str | None:
    """The name under which machines.yaml lists a machine: its own, one it is an alias of, or one in other case."""
    rows = machine_rows(overlay)
    if machine in rows:
        return machine
    names = [(other, name) for name, row in rows.items() for other in (*row.aliases, name)]
    for other, name in names:
        if other == machine:
            return name
    folded = {name for other, name in names if other.casefold() == machine.casefold()}
    return folded.pop() if len(folded) == 1 else None


def base_name(machine: str, overlay: Path | None = None) -> str:
    """The machine of which this one is an alias, another edition or an emulation; itself where there is none.

    Raises:
        GensupError: ``same_as`` names a machine that is not listed, or leads back to where it started.
    """
    rows = machine_rows(overlay)
    name = listed_name(machine, overlay)
    if name is None:
        base = machine.removesuffix(_EMULATED)
        return base_name(base, overlay) if base and base != machine else machine
    seen = [name]
    while (other := rows[name].same_as) is not None:
        if other not in rows or other in seen:
            raise GensupError(
                "same_as leads nowhere",
                where=f"machines.yaml: {name}.same_as",
                value=other,
                rule="it names another machine of the file, without a circle",
            )
        name = other
        seen.append(name)
    return name


def _is_acronym(word: str) -> bool:
    letters = [character for character in word if character.isalpha()]
    return bool(letters) and all(letter.isupper() for letter in letters)
