"""tune of several machines: a run folder each, and a page that lists them. One that fails costs the others nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gensup.errors import GensupError
from gensup.reporting import write_index
from gensup.steps.progress import QUIET, Progress
from gensup.steps.tune import Tuning, tune


def tune_each(
    root: Path, machines: Sequence[str], out: Path, *, progress: Progress = QUIET, **how: Any
) -> tuple[dict[str, Tuning], dict[str, GensupError]]:
    """Tune every machine by ``tune(root, machine, ..., **how)``: one in ``out`` itself, several in folders below it.

    Returns:
        What was decided, and for machines that could not be tuned the reason, by name.

    Raises:
        GensupError: no machine or one twice, or the only one cannot be tuned.
    """
    if not machines or len(set(machines)) < len(machines):
        raise GensupError(
            "a machine twice" if machines else "no machine",
            where="--machine",
            value=", ".join(machines),
            rule="each once",
        )
    if len(machines) == 1:
        return {machines[0]: tune(root, machines[0], out, progress=progress, **how)}, {}
    out = Path(out)
    tuned: dict[str, Tuning] = {}
    failed: dict[str, GensupError] = {}
    for machine in machines:
        progress.note(f"=== {machine} ===")
        try:
            tuned[machine] = tune(root, machine, out / machine, progress=progress, **how)
        except GensupError as error:
            progress.note(str(error))
            failed[machine] = error
    if tuned:
        write_index(out, {name: done.out for name, done in tuned.items()}, {n: str(e) for n, e in failed.items()})
    return tuned, failed
