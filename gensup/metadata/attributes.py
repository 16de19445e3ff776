"""The attribute part of a name: tokens between underscores -> pairs of key and value, and how they are spelt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

# Keys that stand in released names and tables (reference glossary). A key that is not here is known by its value.
# fmt: off
KEYS = frozenset({
    "Bckg", "ac", "accl", "bkg", "car", "condition", "damage", "dis", "f-n", "fl", "grind", "grindstone", "grit", "id",
    "len", "loc", "m-n", "mdl", "mic", "mic_pos", "n", "n-lv", "noise", "nos", "nzl", "panel", "pat", "pattern",
    "plate", "pow", "pro", "res", "serial_no", "spd", "speed", "strenght", "strength", "v1pat", "v2pat", "vel", "vol",
    "volt", "weight", "wt",
})
UNITS = frozenset({
    "g", "kg", "mg", "mm", "cm", "m", "V", "mV", "A", "mA", "W", "kW", "Hz", "kHz", "rpm", "N", "Nm", "Pa", "kPa",
    "bar", "s", "ms", "deg", "degC",
})
# fmt: on

_LOWER = {key.lower(): key for key in KEYS}
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*|-?[0-9][A-Za-z0-9.+-]*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_CODE = re.compile(r"[A-Z]{1,2}|[A-Z][a-z]")  # values without a digit: A, BB, Lb
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_PAIR = rf"([A-Za-z]+(?:-[A-Za-z]+)*)([0-9]+(?:\.[0-9]+)?(?:(?:{_UNIT}|[A-Z])(?![a-z]))?)"
_PAIR_RE = re.compile(_PAIR)
# weight15, accl0.30, A1Spd28VMic1. Atomic: without that a hostile name makes the matcher try 2^n ways.
_FUSED = re.compile(rf"([A-Z][0-9]+)?((?>{_PAIR})+)")
_LETTERED = re.compile(r"([A-Za-z]*[a-z])([A-Z])")  # BckgF


@dataclass(slots=True)
class Reading:
    """Pairs and left-over tokens in the order of the name, and the template text that writes the name from them."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    unparsed: list[str] = field(default_factory=list)
    spelling: list[str] = field(default_factory=list)  # joined by "_"

    def pair(self, key: str, value: str, spelling: str = "{k}_{v}") -> str:
        """Add a pair and return its spelling, with the pair's number written into it."""
        number = len(self.pairs)
        self.pairs.append((key, value))
        return spelling.replace("{k}", f"{{k{number}}}").replace("{v}", f"{{v{number}}}")

    def leave(self, token: str) -> None:
        """Add a token that nothing is known about."""
        self.spelling.append(f"{{u{len(self.unparsed)}}}")
        self.unparsed.append(token)


def read(tokens: Sequence[str], reading: Reading) -> None:
    """Read the tokens of a name from left to right into ``reading``. Total: what is not understood is left as it is.

    In this order: a value before its unit (``25_mm``, at the start only), a key that is known, words that a value makes
    a key, a fused token; a run of anything else is one ``condition``.
    """
    at = _units(tokens, reading)
    run: list[str] = []  # words and values without a key
    while at < len(tokens):
        token = tokens[at]
        if not token or token.lower() == "noattribute":
            _close(run, reading)
            reading.spelling.append(token)
            at += 1
            continue
        if not _PLAIN.fullmatch(token):
            _close(run, reading)
            reading.leave(token)
            at += 1
            continue
        key, width = _known(tokens, at)
        if key:
            _close(run, reading)
            at = _keyed(tokens, at, key, width, reading)
        elif (width := _named(tokens, at, run)) > 0:
            key = "_".join(tokens[at : at + width])
            _close(run, reading)
            reading.spelling.append(reading.pair(key, tokens[at + width]))
            at += width + 1
        elif fused := _fused(token):
            _close(run, reading)
            reading.spelling.append("".join(reading.pair(*part) for part in fused))
            at += 1
        else:
            run.append(token)
            at += 1
    _close(run, reading)


def _units(tokens: Sequence[str], reading: Reading) -> int:
    """2021's gearbox says ``0_g_25_mm_2000_mV_none``. Returns the number of tokens read."""
    at = 0
    while at + 1 < len(tokens) and tokens[at + 1] in UNITS and _NUMBER.fullmatch(tokens[at]):
        reading.spelling.append(reading.pair(tokens[at + 1], tokens[at], "{v}_{k}"))
        at += 2
    return at


def _known(tokens: Sequence[str], at: int) -> tuple[str, int]:
    """The known key that starts here and its number of tokens; ("", 0) where none does."""
    if at + 1 < len(tokens) and (double := f"{tokens[at]}_{tokens[at + 1]}") in KEYS:
        return double, 2
    return (tokens[at], 1) if tokens[at] in KEYS else ("", 0)


def _keyed(tokens: Sequence[str], at: int, key: str, width: int, reading: Reading) -> int:
    """Pair a known key with the token after it, unless that is missing or is itself a key with a value."""
    end = at + width
    value = tokens[end] if end < len(tokens) else ""
    other = _known(tokens, end)[1] if value else 0
    if not _PLAIN.fullmatch(value) or (other and end + other < len(tokens) and tokens[end + other]):
        for token in tokens[at:end]:
            reading.leave(token)
        return end
    reading.spelling.append(reading.pair(key, value))
    return end + 1


def _named(tokens: Sequence[str], at: int, run: Sequence[str]) -> int:
    """How many words from here on are a key nobody listed, because a value follows them; 0 where that is not so.

    Keys hold one underscore at most in every released name; after other words, only the last word is one.
    """
    for width in (1,) if run and not _NUMBER.fullmatch(run[-1]) else (1, 2):
        words, value = tokens[at : at + width], tokens[at + width : at + width + 1]
        if not value or not _WORD.fullmatch(words[-1]) or _CODE.fullmatch(words[-1]):
            return 0
        if _known(tokens, at + width)[1]:
            return 0
        if _is_value(value[0]):
            # ``weight15_30`` has one value too many for a fused token, unless its key is a known one.
            return 0 if any(_fused(word, known=True) for word in words) else width
        if _fused(words[0]):
            return 0
    return 0


def _is_value(token: str) -> bool:
    has_digit = any(character.isdigit() for character in token) and not _fused(token)
    return bool(_PLAIN.fullmatch(token)) and (has_digit or bool(_CODE.fullmatch(token)))


def _fused(token: str, known: bool = False) -> list[tuple[str, str, str]]:
    """(key, value, spelling) of each pair in a token without underscores between them; [] where it is no such token.

    A key of one letter counts only where it is known (``A1`` is a value). With ``known`` every key has to be.
    """
    if found := _FUSED.fullmatch(token):
        parts = [("car", found[1], "{v}")] if found[1] else []
        written = [(key, value) for key, value in _PAIR_RE.findall(found[2])]
    elif found := _LETTERED.fullmatch(token):
        parts, written = [], [(found[1], found[2])]
    else:
        return []
    for word, value in written:
        key = word if word in KEYS else _LOWER.get(word.lower(), word)
        if (known and key not in KEYS) or (len(word) == 1 and word not in KEYS):
            return []
        parts.append((key, value, "{k}{v}" if key == word else f"{word}{{v}}"))
    return parts


def _close(run: list[str], reading: Reading) -> None:
    if run:
        reading.spelling.append(reading.pair("condition", "_".join(run), "{v}"))
        run.clear()
