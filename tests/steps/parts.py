"""What a selection is made of, for tests that need no whole run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gensup.engine import Inline
from gensup.steps.budget import Deadline
from gensup.steps.candidates import Candidates
from gensup.steps.progress import QUIET
from gensup.steps.recordings import Recordings, normals
from gensup.steps.scoring import Scoring


class Listener:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def follow(self, items, total, doing):  # type: ignore[no-untyped-def]
        return items


class Ticking:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def heard(root: Path, out: Path, machine: str = "fan") -> Recordings:
    return normals(root, machine, out=out, channel=0, skip_bad=False, engine=Inline(), progress=QUIET)


def scoring(
    overlay: Path, *, deadline: Deadline | None = None, forbidden: Mapping[str, str] | None = None, seed: int = 3
) -> Scoring:
    return Scoring(
        engine=Inline(),
        candidates=Candidates.of(["small"], overlay),
        machine="fan",
        seed=seed,
        deadline=deadline or Deadline(),
        forbidden=forbidden or {},
    )
