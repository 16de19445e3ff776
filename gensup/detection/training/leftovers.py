"""What trainings leave behind to be continued from: several times the size of their weights, and of use until the end
of a run, for a candidate of more steps goes on from one of fewer."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

from gensup.store.lock import BusyError, RunLock

TRAINING = "training-"  # before the names of their folders
GONE = "gone-"  # before that, while one is removed: half a checkpoint is nothing to continue from


def forget(folder: Path) -> None:
    """Remove from ``folder`` what its finished trainings could be continued from; the weights that came of them stay.

    A training that was stopped on its way stays whole, and so does one that another process is at.
    """
    for gone in folder.glob(f"{GONE}*"):
        rmtree(gone, ignore_errors=True)
    for training in sorted(folder.glob(f"{TRAINING}*")):
        try:
            with RunLock(training):
                if all(_finished(one) for one in (training, *training.glob("to-*"))):
                    gone = training.rename(folder / f"{GONE}{training.name}")
                    rmtree(gone, ignore_errors=True)
        except BusyError:
            continue


def _finished(training: Path) -> bool:
    """Whether its newest checkpoint is one that somebody asked for, or there is none."""
    checkpoints, kept = ([path.name for path in (training / of).glob("step-*")] for of in ("checkpoints", "kept"))
    return not checkpoints or max(checkpoints) in kept
