"""How many tokens a caption is to a text encoder; one that has too many is refused, or cut where that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gensup.errors import GensupError

# CLAP's text encoder was trained on 77 tokens (its tokenizer says 512, for RoBERTa has so many places); Flan-T5 on 512.
LIMITS: Mapping[str, int] = {"clap": 77, "t5": 512}
SPECIAL = 2  # tokens that an encoder adds, such as <s> and </s>
_UNBOUNDED = 1 << 20  # transformers writes 10**30 where a tokenizer says no limit

# A word with a capital or without, two digits, or one mark (a capital of many is a mark here).
_PIECES = re.compile(r"[A-Za-z]?[a-z]+|[0-9]{1,2}|\S")


class Tokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    @property
    def model_max_length(self) -> int: ...

    def __call__(self, text: str, /, *, verbose: bool = True) -> Mapping[str, Sequence[int]]: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """What a text encoder takes: ``tokens`` at most, its own ones included. Its tokenizer counts if that is here."""

    tokens: int
    tokenizer: Tokenizer | None = None
    encoder: str = "text encoder"

    @classmethod
    def of(cls, tokenizer: Tokenizer, encoder: str = "text encoder") -> Limit:
        """The limit that a tokenizer says itself.

        Raises:
            GensupError: it says none.
        """
        if not 0 < tokenizer.model_max_length < _UNBOUNDED:
            raise GensupError("the tokenizer says no limit", where=encoder, remedy="say how many tokens (--limit)")
        return cls(tokenizer.model_max_length, tokenizer, encoder)


def count(caption: str, tokenizer: Tokenizer | None = None) -> tuple[int, bool]:
    """Tokens of a caption with those that the encoder adds, and whether that is exact.

    Without a tokenizer it is an estimate from above: one token for the first three letters of a word and for every four
    begun after them, for two digits, for any other mark, for every byte of a letter that is not English; and two more.
    For all captions of released names it is at least 1.25 times what RoBERTa counts, and never over 77 (RoBERTa: 47).
    Strings of letters that are no words may be more than it says.
    """
    if tokenizer is not None:
        return len(tokenizer(caption, verbose=False)["input_ids"]), True
    return SPECIAL + sum(_tokens(piece) for piece in _PIECES.findall(caption)), False


def _tokens(piece: str) -> int:
    if piece.isalpha() and piece.isascii():
        return 1 + -(-max(0, len(piece) - 3) // 4)
    return 1 if piece.isascii() else len(piece.encode(errors="surrogateescape"))


def tokens_of(limit: str) -> int:
    """The number of tokens that ``--limit`` means: that of an encoder by name, or a number.

    Raises:
        GensupError: neither.
    """
    if limit in LIMITS:
        return LIMITS[limit]
    if limit.isascii() and limit.isdigit() and 0 < int(limit) < _UNBOUNDED:
        return int(limit)
    known = ", ".join(f"{name} ({tokens})" for name, tokens in LIMITS.items())
    raise GensupError("no such limit", where="--limit", value=limit, rule=f"a number of tokens, or {known}")


def over(caption: str, limits: Iterable[Limit]) -> tuple[int, bool, Limit] | None:
    """Tokens, whether that is exact, and the first limit that a caption is over; None where it is over none."""
    for limit in limits:
        tokens, exact = count(caption, limit.tokenizer)
        if tokens > limit.tokens:
            return tokens, exact, limit
    return None


def cut(caption: str, limits: Sequence[Limit]) -> str:
    """The caption's longest beginning that is over no limit and ends with a word.

    Raises:
        GensupError: not even the first word fits.
    """
    words = caption.split()
    least, most = 0, len(words)  # a beginning of `least` words fits; tokens grow with words
    while least < most:
        middle = (least + most + 1) // 2
        if over(_ended(words[:middle]), limits) is None:
            least = middle
        else:
            most = middle - 1
    if not least:
        raise GensupError("not one word fits", where="--limit", value=caption, remedy="allow more tokens")
    return caption if least == len(words) else _ended(words[:least])


def _ended(words: Sequence[str]) -> str:
    return " ".join(words).rstrip(",;:")


def checked(captions: Iterable[str], limits: Sequence[Limit], *, truncate: bool = False) -> dict[str, str]:
    """Every distinct caption, and what an encoder may be given for it: itself, or with ``truncate`` its beginning.

    An encoder drops the end of what is too long and says nothing, so this is asked before anything is loaded on a GPU.
    What was cut are the captions whose two texts differ.

    Raises:
        GensupError: a caption is over a limit and may not be cut, or not one word of it fits.
    """
    given: dict[str, str] = {}
    long: list[tuple[int, str, bool, Limit]] = []
    for caption in captions:
        if caption not in given:
            found = over(caption, limits)
            given[caption] = caption if found is None or not truncate else cut(caption, limits)
            if found is not None:
                long.append((found[0], caption, *found[1:]))
    if long and not truncate:
        tokens, caption, exact, limit = max(long, key=lambda row: row[0])
        raise GensupError(
            f"{len(long)} of {len(given)} captions {'are' if exact else 'may be'} over the limit",
            where=limit.encoder,
            value=f"{tokens} tokens{'' if exact else ' (an estimate from above)'}: {caption}",
            rule=f"at most {limit.tokens}, and the end of a longer caption would be lost without a word",
            remedy=("" if exact else "count with its own --tokenizer PATH, ") + "shorten the template, or --truncate",
        )
    return given
