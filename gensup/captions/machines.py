"""What a machine is called: its noun, the article before it, and the other names it goes by."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from gensup.captions.prompts import machine_rows
from gensup.errors import GensupError

_EMULATED = "Emu"
# Words of a name: capitals in a row with their digits (LED, M4, 3D), a word with a capital or without, a number.
_WORDS = re.compile(r"[0-9]*[A-Z]+(?![a-z])[0-9]*|[A-Z]?[^A-Z0-9_\W]+|[0-9]+")
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
    return in_words(machine) or "machine"


def in_words(name: str) -> str:
    """A name taken apart where its letter case, digits, underscores and other marks part it: CamelCase, camel case."""
    return " ".join(word if _is_acronym(word) else word.lower() for word in _WORDS.findall(name))


def article(words: str) -> str:
    """ "a" or "an", by how the first word is spoken."""
    first = re.split(r"[\s-]", words, maxsplit=1)[0]
    if _is_acronym(first) and first[0].isalpha():
        return "an" if first[0] in _AN_LETTERS else "a"
    return "an" if _AN_WORDS.match(first) and not _A_WORDS.match(first) else "a"


def listed_name(machine: str, overlay: Path | None = None) -> str | None:
    """The name under which machines.yaml lists a machine.

    In this order, where only one row fits: its own name, an alias, one of them in other case or with other marks
    between its words (toy_car), the noun of a row that is no other's edition (grinding machine).
    """
    rows = machine_rows(overlay)
    if machine in rows:
        return machine
    for name, row in rows.items():
        if machine in row.aliases:
            return name
    plain = _folded(machine)
    for names in (
        {name for name, row in rows.items() if plain in map(_folded, (name, *row.aliases))},
        {name for name, row in rows.items() if row.same_as is None and plain == _folded(row.noun)},
    ):
        if names and plain:
            return names.pop() if len(names) == 1 else None
    return None


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


def same_machine(one: str, other: str, overlay: Path | None = None) -> bool:
    """Whether two names are aliases, editions or emulations of one machine: no first-shot reference for one another.

    Raises:
        GensupError: as ``base_name``.
    """
    bases = (base_name(one, overlay), base_name(other, overlay))
    return bases[0] == bases[1] or (
        all(listed_name(base, overlay) is None for base in bases) and _folded(bases[0]) == _folded(bases[1]) != ""
    )


def unlisted(machine: str, overlay: Path | None = None) -> str:
    """What to tell somebody who names a machine that machines.yaml does not list; "" of one that it does."""
    rows = machine_rows(overlay)
    if listed_name(base_name(machine, overlay), overlay) is not None:
        return ""
    folded = {_folded(name): name for name in rows}
    near = [folded[match] for match in get_close_matches(_folded(machine), folded, n=3)]
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"machines.yaml does not list {machine!r}: no family but the generic ones{meant}"


def editions(machine: str, overlay: Path | None = None) -> tuple[int, ...]:
    """The years of DCASE Task 2 that hold a machine, whatever they call it; none for one that is not listed."""
    rows = machine_rows(overlay)
    base = base_name(machine, overlay)
    return tuple(
        sorted({year for name, row in rows.items() if base_name(name, overlay) == base for year in row.editions})
    )


def _folded(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _is_acronym(word: str) -> bool:
    letters = [character for character in word if character.isalpha()]
    return bool(letters) and all(letter.isupper() for letter in letters)
