"""A set whose clips go through a codec is finished when the recordings have gone through it, too."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gensup.engine import for_workers
from gensup.steps.progress import QUIET
from gensup.steps.recordings import Recordings
from gensup.steps.synthesize import Synthesis, Work
from gensup.steps.synthetic import read_sets
from gensup.steps.verify import verify
from gensup.store import open_run
from tests.steps.conftest import SETTINGS
from tests.steps.parts import heard
from tests.support import killing
from tests.support.fake_codec import CHAIN, FakeCodec
from tests.support.tiny import contents

FEW = replace(SETTINGS, pairs=3, faults=("hiss",))
NORMALS = 14


@dataclass(frozen=True, slots=True)
class Job:
    """Makes the set, here or in another process."""

    recordings: Recordings

    def __call__(self, out: Path) -> None:
        self.made(out)

    def made(self, out: Path, shard: tuple[int, int] = (0, 1), *wanted: tuple[str, float]) -> Synthesis:
        work = Work.prepared(self.recordings, FEW, None)
        work = work.more(wanted) if wanted else work
        open_run(out, {"command": "synthesize"} | self.recordings.described() | work.described(FEW))
        through = replace(work, generator=FakeCodec())  # type: ignore[arg-type]  # another generator
        return through.make(out, shard, for_workers(1), QUIET)


@pytest.fixture(scope="module")
def job(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(heard(data, tmp_path_factory.mktemp("out")))


@pytest.fixture(scope="module")
def whole(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "set"
    assert job.made(out).finished
    return out


def test_every_recording_goes_through_and_no_twin_alone(job: Job, whole: Path) -> None:
    given = read_sets([whole], "fan")
    assert {clip.chain for clip in given.clips} == set(given.normals) == {CHAIN}
    assert set(given.normals[CHAIN]) == {member.key for member in job.recordings.members}
    found = verify(whole)
    assert found.findings == ()
    assert found.checked["normals"] == NORMALS
    card = (whole / "README.md").read_text()
    assert "          - metadata.jsonl\n          - clips/**\n" in card
    assert "should be fitted on those" in card
    assert not (whole / "journal").exists()


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.99])
def test_killed_it_continues_to_the_same_bytes(job: Job, whole: Path, tmp_path: Path, share: float) -> None:
    changes = killing.born(job, tmp_path / "free").changes()
    assert changes is not None
    assert killing.born(job, tmp_path / "set", at=1 + int(share * changes)).changes() is None
    assert job.made(tmp_path / "set").finished
    assert contents(tmp_path / "set") == contents(whole)


def test_shards_finish_it_together(job: Job, whole: Path, tmp_path: Path) -> None:
    first = job.made(tmp_path / "set", (1, 2))
    assert not first.finished
    assert not (tmp_path / "set" / "metadata.jsonl").exists()
    assert job.made(tmp_path / "set", (2, 2)).finished
    assert contents(tmp_path / "set") == contents(whole)


@pytest.mark.parametrize("pattern", ["normals/*.wav", "normals/normals.jsonl", "clips/*.wav"])
def test_what_is_lost_of_a_finished_set_is_made_again(job: Job, whole: Path, tmp_path: Path, pattern: str) -> None:
    out = Path(shutil.copytree(whole, tmp_path / "set"))
    sorted(out.glob(pattern))[0].unlink()
    again = job.made(out)
    assert (again.finished, again.made) == (True, again.clips)
    assert contents(out) == contents(whole)


def test_further_rungs_have_no_normals_of_their_own(job: Job, whole: Path, tmp_path: Path) -> None:
    assert job.made(tmp_path / "more", (0, 1), ("hiss", 4.0)).finished
    assert not (tmp_path / "more" / "normals").exists()
    further = read_sets([whole], "fan").further(read_sets([tmp_path / "more"], "fan"))
    assert set(further.normals) == {CHAIN}
    assert json.loads((tmp_path / "more" / "run.json").read_text())["config"]["wanted"] == [["hiss", 4.0]]
