"""synthesize: a machine's normal clips into a set of twins. A killed run continues; shards need not know each other."""

from __future__ import annotations

from pathlib import Path

from gensup.audio.files import Channel
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.steps.engines import Where
from gensup.steps.making import Synthesis, Work, report
from gensup.steps.planning import GENERATORS, Outline, Settings
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import normals
from gensup.store import open_run

__all__ = ["GENERATORS", "Settings", "Synthesis", "Where", "Work", "synthesize"]


def synthesize(
    root: Path,
    machine: str,
    out: Path,
    *,
    settings: Settings | None = None,
    shard: tuple[int, int] = (0, 1),
    dry_run: bool = False,
    where: Where | None = None,
    channel: Channel = 0,
    pattern: str | None = None,
    attributes: Path | None = None,
    prompts: Path | None = None,
    skip_bad: bool = False,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Synthesis:
    """Make a twin set of ``machine`` from the recordings under ``root``, in the folder ``out``.

    Args:
        shard: (I, N): make the I-th of N parts; the part that ends last writes metadata.jsonl.
        dry_run: plan only, and make no folder; a model is not looked at.
        where: what makes the clips; of their bytes it changes none.
        pattern: how own names are read, see ``metadata.patterns``.
        attributes: a table of attributes that does not lie below ``root``.

    Raises:
        GensupError: bad input, another configuration in ``out``, or a read-only folder.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    settings, where = (settings or Settings()).checked(), (where or Where()).checked()
    place, parts = shard
    if parts < 1 or not 0 <= place <= parts:
        raise GensupError(
            "no such shard", where="--shard", value=f"{place}/{parts}", rule="I/N, I from 1 to N or from 0"
        )
    with Followed(for_workers(workers), progress) as engine:
        recordings = normals(
            root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        outline = Outline.of(recordings, settings, prompts)
        if dry_run:
            return report(out, outline.plan(), {}, finished=False)
        work = Work.of(outline, where)
        open_run(out, {"command": "synthesize"} | recordings.described() | work.described(settings))
        makers = Followed(where.makers(engine.engine, model=settings.diffusion is not None), progress)
        return work.make(out, shard, makers, progress)
