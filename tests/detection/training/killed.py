"""A training that is killed in the middle of a step, for a test that goes on from there."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from gensup.detection.means import Means
from gensup.training import loop
from tests.detection.training.sounds import conditions
from tests.detection.training.test_classifying import TINY

if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, last = Path(sys.argv[1]), int(sys.argv[2])
    whole = loop.Trainer._step

    def dying(self: loop.Trainer) -> loop.Step:
        if self.standing.step == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self)

    loop.Trainer._step = dying  # type: ignore[method-assign]
    TINY.ready(conditions(folder / "clips", 6), Means(folder=folder / "kept", device="cpu"), 1)
