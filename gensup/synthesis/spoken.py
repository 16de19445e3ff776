"""What a text-to-audio generator is told: families by their words, and conditions of a machine to make from noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gensup.captions import FaultRow
from gensup.captions.render import speaks_of_faults
from gensup.errors import GensupError
from gensup.synthesis.plan import Source, chosen, spread

ANOMALY = "anomaly"  # the one family of a style that does not say which fault it is
UNSAID = FaultRow(
    name=ANOMALY, mechanism="", fault="not said", fault_source="none", signature_source="generic", words=""
)


def conditions(sources: Sequence[Source], count: int, run_seed: int) -> tuple[Source, ...]:
    """``count`` times what a clip of the machine is said to be, for twins made from noise: spread as ``spread`` does.

    As many as are asked for, however few recordings there are; none of them is claimed as a source.
    """
    turns = spread(sources, len(sources), run_seed)
    taken = [turns[pair % len(turns)] for pair in range(count)]
    return tuple(Source(replace(s.clip, path="", index=None), None, s.seconds, i) for i, s in enumerate(taken))


def spoken(
    rows: Sequence[FaultRow], generator: str, style: str, wanted: Sequence[str] = (), prompts: Path | None = None
) -> tuple[tuple[FaultRow, ...], dict[str, str]]:
    """The families that a text-to-audio generator can be told of: one a wording; and rows left out, with the reason.

    What a model makes of "knocking" is what it has read about, and no knock of this shape at this rate: a row's
    mechanism, parameters and knowledge of the signature are not the clip's. The mechanism of all these families is the
    generator, so that many wordings of one model share one vote and are never taken for agreement among mechanisms; the
    signature is generic.

    Args:
        wanted: names of families, or of the mechanisms of their rows; none means all.

    Raises:
        GensupError: a wanted name is neither, or the style says no faults.
    """
    if not speaks_of_faults(style, prompts):
        if wanted:
            raise GensupError(
                "a style that says no fault",
                where="--faults",
                value=style,
                rule=f"its captions say normal or {ANOMALY}: there is one family",
                remedy="leave --faults out, or choose another --style (descriptive)",
            )
        return (_generic(UNSAID, generator),), {}
    kept: dict[str, FaultRow] = {}
    left_out = {}
    for row in chosen(rows, wanted):
        first = kept.setdefault(row.words, _generic(row, generator))
        if first.name != row.name:
            left_out[row.name] = f'said in the words of {first.name}, "{row.words}"'
    return tuple(kept.values()), left_out


def _generic(row: FaultRow, generator: str) -> FaultRow:
    return replace(row, mechanism=generator, signature_source="generic", parameters={})
