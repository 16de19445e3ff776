"""Official scores as they are printed: the evaluator's fields as JSON, its own CSV, and a table for a person."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from gensup.clip import Json
from gensup.evaluation.official import ALL, Official, Value

_MOST = 6  # sentences of one kind for a person; JSON has them all


def as_json(found: Official) -> dict[str, Json]:
    """The fields of the official evaluator's result, then ours. What is not defined is null."""
    c = found.conventions
    fields: dict[str, Json] = {
        "team": found.team,
        "machines": {
            machine: {section: [dict(row) for row in rows] for section, rows in sections.items()}
            for machine, sections in found.machines.items()
        },
        "summary": {
            machine: {mean: list(values) for mean, values in means.items()} for machine, means in found.summary.items()
        },
    }
    if c.domains:
        fields["official score"] = found.official
    if c.jackknife:
        fields["official score ci95"] = found.jackknife.published if found.jackknife else None
        fields["jackknife ci95"] = found.jackknife.usual if found.jackknife else None
    return fields | {
        "mAUC": {
            machine: {
                column: {"section": worst.section, "value": worst.value} if worst else None
                for column, worst in columns.items()
            }
            for machine, columns in found.worst.items()
        },
        "mAUC arithmetic mean": dict(found.mean_worst),
        "year": c.year,
        "evaluator": c.evaluator,
        "as published": found.as_published,
        "quirks": [{"name": q.name, "what": q.what, "followed": q.followed} for q in c.quirks],
        "undefined": list(found.undefined),
        "notes": list(found.notes),
    }


def file_name(found: Official) -> str:
    """What the year's evaluator calls its result."""
    return f"{found.team}_result.csv" if found.conventions.domains else f"result_{found.team}.csv"


def as_csv(found: Official) -> str:
    """The evaluator's own result file; "nan" where something is not defined."""
    c = found.conventions
    by_domain = c.pauc_of == "domain"
    rows: list[Sequence[object]] = []
    for machine, sections in found.machines.items():
        first = next(iter(sections.values()))
        columns = [name for name in first[0] if name != "domain"]
        rows += [[machine], [c.section_word, *(["domain"] if by_domain else []), *columns]]
        for at in range(len(first)):
            for section, of in sections.items():
                said = [of[at]["domain"]] if by_domain else []
                rows.append([section, *said, *(_cell(of[at][name]) for name in columns)])
        if c.domains and not by_domain:
            rows.append(["", "", *c.columns])
        rows += _mean_rows(found, machine)
        rows.append([])
    if c.domains:
        rows += [["", "", *c.columns], *_mean_rows(found, ALL), []]
        rows.append(["official score", "", _cell(found.official)])
        if c.jackknife:
            rows.append(["official score ci95", "", _cell(found.jackknife.published if found.jackknife else None)])
        rows.append([])
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def table(found: Official) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of all sections."""
    first = next(iter(next(iter(found.machines.values())).values()))[0]
    header = ("machine", found.conventions.section_word, *first)
    rows = [
        (machine, section, *(_shown(value) for value in row.values()))
        for machine, sections in found.machines.items()
        for section, of in sections.items()
        for row in of
    ]
    return header, rows


def means(found: Official) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of all means."""
    rows = [
        (machine, mean.partition(" over all ")[0], *map(_shown, values))
        for machine, of in found.summary.items()
        for mean, values in of.items()
    ]
    return ("machine", "mean", *found.conventions.columns), rows


def lines(found: Official) -> tuple[str, ...]:
    """The scores over all machines, and what is to be known of them."""
    c = found.conventions
    said = []
    if c.domains:
        said.append(f"official score: {_shown(found.official)}")
    else:
        said.append("official score: none; the evaluator of this year has averages only")
    if c.jackknife:
        jack = found.jackknife
        said.append(
            f"official score ci95: {'–' if jack is None else f'{jack.published:.3g}'} (as the evaluator has it)"
        )
        said.append(f"jackknife ci95: {_shown(jack.usual if jack else None)} (with the usual divisor)")
    for column, value in found.mean_worst.items():
        worst = ", ".join(
            f"{machine} {'–' if (of := columns.get(column)) is None else f'{_shown(of.value)} in {of.section}'}"
            for machine, columns in found.worst.items()
        )
        said.append(f"m{column}, the worst {c.section_word} of each machine: {_shown(value)} ({worst})")
    said += _some("not defined, or by the floor alone", found.undefined)
    said += _some("to know", found.notes)
    for quirk in c.quirks:
        followed = {"always": "followed", "never": "not followed"}.get(quirk.followed)
        followed = followed or ("followed" if found.as_published else "not followed without --as-published")
        said.append(f"quirk of the evaluator, {followed}: {quirk.name}: {quirk.what}")
    return tuple(said)


def _mean_rows(found: Official, machine: str) -> list[list[object]]:
    gap = [""] if found.conventions.domains else []
    return [[mean, *gap, *map(_cell, values)] for mean, values in found.summary[machine].items()]


def _some(head: str, sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _MOST
    shown = [f"{head}: {sentence}" for sentence in sentences[:_MOST]]
    return [*shown, f"{head}: and {more} more, see --json"] if more > 0 else shown


def _cell(value: Value | str) -> object:
    return "nan" if value is None else value


def _shown(value: Value | str) -> str:
    if isinstance(value, str):
        return value
    return "–" if value is None else f"{value:.4f}"
