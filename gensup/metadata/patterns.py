"""A user's own naming, written as a pattern: ``{machine}/{split}/{condition}_{index}_{rpm}.wav``.

A field stands for text within one folder or file name. ``machine``, ``section``, ``domain``, ``split``, ``condition``,
``index`` and ``year`` are a clip's; every other name is an attribute, and ``{_}`` is passed over. A field ends where
the text after it first occurs, and a name that could be read in two ways does not fit: the last field of a folder or
file name may hold the text between fields only where a star says so (``{index}_{note*}``). Words that are not gensup's
own are translated: ``{condition:ok=normal,broken=anomaly}``.

Matching is one pass over a path: no pattern, however it was written, takes long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import cast

from gensup.clip import Clip, Condition, Domain, Split
from gensup.errors import GensupError
from gensup.metadata.folders import CONDITIONS, SPLITS
from gensup.metadata.names import shown
from gensup.registry import unknown

PATTERNED = "{pattern}"
"""``Clip.spelling`` of every clip that a pattern has read: its name is the user's, ``format`` writes the plain one."""

FIELDS = ("machine", "section", "domain", "split", "condition", "index", "year")
WORDS: Mapping[str, Mapping[str, str]] = {
    "domain": {"source": "source", "target": "target"},
    "split": {
        word: SPLITS[word]
        for word in ("train", "training", "test", "testing", "supplemental", "source_test", "target_test")
    },
    "condition": CONDITIONS,
}
MAX_TEXT, MAX_FIELDS = 500, 32
EXAMPLES = 3  # paths that do not fit, printed with the reason

_EXTENSION = re.compile(r"\.(?:wav|flac)", re.IGNORECASE)
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*(?:_[A-Za-z0-9-]+)*|_)(\*)?(?::(.*))?", re.DOTALL)
_PIECES = re.compile(r"\{([^{}]*)\}|([^{}]+)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    free: bool  # may hold the text between fields
    words: Mapping[str, str]  # the user's word -> ours; empty where every text will do


_Part = tuple[_Field | str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read; make one by ``compiled``."""

    text: str
    parts: tuple[_Part, ...]  # of the path, outermost first
    extension: str  # "" = any

    def read(self, path: str) -> Clip | str:
        """The clip of a path below the root, or why the path does not fit.

        Raises:
            GensupError: the path fits, but a word is none of a split, condition, domain or year.
        """
        folders = list(PurePosixPath(path).parts)
        ending = _EXTENSION.fullmatch(PurePosixPath(path).suffix)
        if ending:
            if self.extension not in ("", ending[0].lower()):
                return f"it ends in {ending[0]}, not in {self.extension}"
            folders[-1] = folders[-1][: -len(ending[0])]
        if len(folders) != len(self.parts):
            return f"it has {len(folders)} parts, the pattern {len(self.parts)}"
        said: dict[str, str] = {}
        attributes: list[tuple[str, str]] = []
        for part, text in zip(self.parts, folders, strict=True):
            values = _matched(part, text)
            if values is None:
                return f"{text!r} is not like {_written(part)!r}"
            for field, value in values:
                if field.name in FIELDS:
                    said[field.name] = self._word(field, value, path)
                elif field.name != "_":
                    attributes.append((field.name, value))
        return Clip(
            path=path,
            year=int(said["year"]) if "year" in said else None,
            machine=said.get("machine"),
            section=said.get("section"),
            domain=cast("Domain | None", said.get("domain")),
            split=cast("Split | None", said.get("split")),
            condition=cast("Condition | None", said.get("condition")),
            index=said.get("index"),
            attributes=tuple(attributes),
            spelling=PATTERNED,
        )

    def _word(self, field: _Field, value: str, path: str) -> str:
        if field.name == "year" and not re.fullmatch(r"[0-9]{4}", value):
            raise GensupError("not a year", where=path, value=value, rule=f"--pattern {self.text}")
        if not field.words:
            return value
        ours = field.words.get(value) or field.words.get(value.lower())
        if ours is None:
            error = unknown(field.name, value, tuple(field.words), where=path)
            first = next(iter(WORDS[field.name]))
            raise GensupError(
                error.what,
                where=path,
                value=value,
                rule=error.rule,
                remedy=error.remedy or f"say what it means, like {{{field.name}:{value}={first}}}",
            )
        return ours


def compiled(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        GensupError: a brace too many, a field that is no name or stands there twice, a name close to a clip's field,
            two fields with nothing between them, a star that is not last, no field at all, a path that leaves the root.
    """
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise _bad(text[:60], "no pattern", f"1 to {MAX_TEXT} printable characters")
    if text.startswith("/") or {"", ".", ".."} & set(text.split("/")):
        raise _bad(text, "not a path below the root", "parts between single slashes, none of them . or ..")
    found = re.search(r"(\.(?:wav|flac))$", text, re.IGNORECASE)
    stem = text[: found.start()] if found else text
    parts = tuple(_part(part, text) for part in stem.split("/"))
    names = [piece.name for part in parts for piece in part if isinstance(piece, _Field) and piece.name != "_"]
    for name in names:
        if names.count(name) > 1:
            raise _bad(name, "a field that stands there twice", "each field once", text)
    if not names or len(names) > MAX_FIELDS:
        raise _bad(text, "no field" if not names else "too many fields", f"1 to {MAX_FIELDS} of them, like {{machine}}")
    return Pattern(text, parts, found[1].lower() if found else "")


def left_out(misfits: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What to print of paths that a pattern does not fit, each with the reason."""
    if not misfits:
        return ()
    examples = [f"  {shown(path)}: {shown(why)}" for path, why in misfits[:EXAMPLES]]
    return (f"{len(misfits)} clips do not fit the pattern and are left out, e.g.", *examples)


def _part(text: str, whole: str) -> _Part:
    pieces: list[_Field | str] = []
    for field, literal, brace in (match.groups() for match in _PIECES.finditer(text)):
        if brace:
            raise _bad(whole, "a brace without its other", "fields are written {name}")
        if literal:
            pieces.append(literal)
            continue
        if pieces and isinstance(pieces[-1], _Field):
            raise _bad(text, "two fields with nothing between them", "text tells where the first one ends", whole)
        pieces.append(_field(field, whole))
    if any(isinstance(piece, _Field) and piece.free for piece in pieces[:-1]):
        raise _bad(text, "a star that is not last", "only the last field of a folder or file name may have one", whole)
    if not pieces:
        raise _bad(whole, "a part without text", "folders and a file name, between single slashes")
    return tuple(pieces)


def _field(text: str, whole: str) -> _Field:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise _bad("{" + text + "}", "no field", "a name of letters, digits, - and _, like {rpm}", whole)
    name, star, translated = found.groups()
    if name not in FIELDS:
        near = get_close_matches(name.lower(), FIELDS, n=1, cutoff=0.75)
        if near:
            raise GensupError(
                "a field that is almost one of a clip's",
                where="--pattern",
                value=name,
                rule=f"a clip has {', '.join(FIELDS)}",
                remedy=f"write {{{near[0]}}}, or call the attribute something else",
            )
    if translated is not None and name not in WORDS:
        raise _bad("{" + text + "}", "words that cannot be translated", f"only those of {', '.join(WORDS)}", whole)
    words: dict[str, str] = dict(WORDS.get(name, {}))
    for pair in (translated or "").split(",") if translated is not None else ():
        theirs, equals, ours = (word.strip() for word in pair.partition("="))
        if not equals or not theirs:
            raise _bad(pair, "not a translation", f"theirs=ours, like {{{name}:ok={next(iter(WORDS[name]))}}}", whole)
        if ours not in WORDS[name]:
            raise unknown(name, ours, tuple(WORDS[name]), where="--pattern")
        words[theirs] = WORDS[name][ours]
    return _Field(name, bool(star), words)


def _matched(part: _Part, text: str) -> list[tuple[_Field, str]] | None:
    """What the fields of a part stand for in ``text``; None where it does not fit, or in two ways."""
    between = {piece for piece in part[1:-1] if isinstance(piece, str)}
    values: list[tuple[_Field, str]] = []
    at = 0
    for place, piece in enumerate(part):
        if isinstance(piece, str):
            if not text.startswith(piece, at):
                return None
            at += len(piece)
            continue
        following = part[place + 1] if place + 1 < len(part) else None
        if following is None:
            end = len(text)
        elif place + 2 == len(part):  # the text after the last field ends the name
            end = len(text) - len(cast("str", following))
        else:
            end = text.find(cast("str", following), at)
        value = text[at:end] if end > at else ""
        if not value or not value.isprintable():
            return None
        if not piece.free and any(literal in value for literal in between):
            return None
        values.append((piece, value))
        at = end
    return values if at == len(text) else None


def _written(part: _Part) -> str:
    return "".join(piece if isinstance(piece, str) else "{" + piece.name + "}" for piece in part)


def _bad(value: str, what: str, rule: str, whole: str = "") -> GensupError:
    return GensupError(what, where="--pattern", value=value, rule=rule, remedy=f"mend {whole}" if whole else "")
