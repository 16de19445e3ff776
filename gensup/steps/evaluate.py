"""evaluate: the official scores of score and decision files, by the conventions of a year."""

from __future__ import annotations

from pathlib import Path

from gensup.errors import GensupError
from gensup.evaluation import printed
from gensup.evaluation.conventions import conventions
from gensup.evaluation.official import Official
from gensup.evaluation.official import evaluate as score_team
from gensup.evaluation.teams import read_team, systems
from gensup.evaluation.truth import read_truth
from gensup.store import write_text


def evaluate(
    year: int,
    truth: Path,
    team: Path,
    *,
    as_published: bool = False,
    out: Path | None = None,
    refused: dict[str, GensupError] | None = None,
) -> dict[str, Official]:
    """Official scores of the system in a folder, or of every system in the folders below it, by its folder.

    Args:
        truth: holds ``ground_truth_data/`` and, where the year has them, ``ground_truth_domain/`` and
            ``ground_truth_attributes/``; in 2020 ``eval_data_list.csv``.
        team: holds ``anomaly_score_*.csv`` and, from 2021 on, ``decision_result_*.csv``.
        as_published: with those quirks of the year's evaluator that are otherwise put right.
        out: folder for the very result files that the evaluator writes.
        refused: is given why a system is passed over, by its folder, where others can be scored; None: it is raised.

    Raises:
        GensupError: a year whose evaluator is not known, or a file or row that is missing, doubled, unknown or wrong.
    """
    rules = conventions(year)
    known = read_truth(Path(truth), rules)
    found: dict[str, Official] = {}
    errors: dict[str, GensupError] = {}
    for name, folder in systems(Path(team), rules).items():
        try:
            answers = read_team(folder, known, rules, as_published=as_published)
        except GensupError as error:
            errors[name] = error
            continue
        found[name] = score_team(answers, rules, as_published=as_published)
    if errors and (refused is None or not found):
        raise next(iter(errors.values()))
    if refused is not None:
        refused.update(errors)
    if out is not None:
        written: dict[str, str] = {}
        for name, official in found.items():
            file = printed.file_name(official)
            if written.setdefault(file, name) != name:
                raise GensupError(
                    "two systems of one name",
                    where=str(team),
                    value=f"{written[file]}, {name}",
                    rule="one result file each",
                )
        for official in found.values():
            write_text(Path(out) / printed.file_name(official), printed.as_csv(official))
    return found
