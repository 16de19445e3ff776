"""A machine so small that a whole run of it takes a second, and what a run leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gensup.steps.synthesize import Settings, synthesize
from gensup.steps.tune import tune
from gensup.store import sha256_file
from tests.support import sounds

SETTINGS = Settings(pairs=2, severities=(0.5, 2.0), faults=("hiss",), seed=3)
ONE = Settings(pairs=1, severities=(1.0,), faults=("hiss",), seed=3)
RECIPE = (
    "name: tiny\npaper: {cite: tests}\nfrontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 12}\n"
    "pooling: {kind: gwrp, decay: 1.0}\nbackend: {kind: gmm, n_components: 1}\nspace: {backend.n_components: [1, 2]}\n"
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's recordings, a set of its twins, and a recipe of two configurations."""

    data: Path
    twins: Path
    overlay: Path

    @classmethod
    def under(cls, root: Path) -> Machine:
        machine = cls(sounds.machine(root / "data", train=8, target=2, test=0), root / "twins", root / "detectors")
        synthesize(machine.data, "fan", machine.twins, settings=ONE, workers=1)
        machine.overlay.mkdir()
        (machine.overlay / "tiny.yaml").write_text(RECIPE)
        return machine

    def synthesize(self, out: Path) -> None:
        synthesize(self.data, "fan", out, settings=SETTINGS, workers=1)

    def tune(self, out: Path) -> None:
        """With a set that is given."""
        given, seeded = [self.twins], Settings(seed=3)
        tune(self.data, "fan", out, synthetic=given, settings=seeded, **self._how)  # type: ignore[arg-type]

    def tune_whole(self, out: Path) -> None:
        """With a set of its own, and the rungs that it turns out to lack."""
        tune(self.data, "fan", out, settings=ONE, **self._how)  # type: ignore[arg-type]

    def tune_with_two(self, out: Path) -> None:
        """The same with two workers."""
        tune(self.data, "fan", out, settings=ONE, **(self._how | {"workers": 2}))  # type: ignore[arg-type]

    def job(self, name: str) -> Callable[[Path], None]:
        return {"synthesize": self.synthesize, "tune": self.tune, "tune-whole": self.tune_whole}[name]

    @property
    def _how(self) -> dict[str, object]:
        return {"detectors": ["tiny"], "detectors_overlay": self.overlay, "workers": 1}


def contents(folder: Path) -> dict[str, str]:
    """Every folder, and every file by its bytes; logs tell of times."""
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) if path.is_file() else "a folder"
        for path in folder.rglob("*")
        if path.name != "log.jsonl"
    }
