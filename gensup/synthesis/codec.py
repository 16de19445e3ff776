"""SET/normals/: recordings through a generator's codec, so that nothing is told from its twins by the codec alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from gensup.audio.files import AudioRef, on_16_bit_grid, valid, write
from gensup.clip import Json
from gensup.errors import GensupError
from gensup.store import SCHEMA, Journal, check_schema, read_manifest, sha256_file, write_manifest
from gensup.synthesis.records import AS_SOURCE, with_source

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.engine import Engine

FOLDER = "normals"
# Not metadata.jsonl: an audiofolder takes every file of that name, however deep, for rows of its own.
MANIFEST = "normals.jsonl"
JOURNAL = "journal"
CLIPS_A_TASK = 16


class Codec(Protocol):
    """A generator, as far as sound goes through it without anything being generated."""

    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str: ...

    @property
    def licence(self) -> str: ...

    def round_trips(self, audios: Sequence[Audio], rate: int) -> Sequence[Audio]:
        """Each (channels, samples) at ``rate`` Hz, coded and decoded: same shape, rate and level.

        The same sounds in the same company give the same bits.
        """
        ...


@dataclass(frozen=True, slots=True)
class Original:
    """A recording that is to go through a codec."""

    key: str  # sha256 of its decoded audio
    ref: AudioRef
    path: str  # as the recordings' folder has it


@dataclass(frozen=True, slots=True)
class CodecNormal:
    """A recording after the codec."""

    file: Path
    sha256: str  # of the file's bytes
    chain: str  # what it went through, e.g. "codec: audioldm2 5f4f36d"


def codec_of(generator: object) -> Codec | None:
    """A generator as a codec; None where nothing but the fault is done to a recording."""
    whole = getattr(generator, "chain", "none") != "none" and hasattr(generator, "round_trips")
    return generator if whole else None  # type: ignore[return-value]  # it has what the protocol asks for


def chain_of(codec: Codec) -> str:
    """What a recording has gone through after the codec."""
    return f"codec: {codec.name} {codec.revision}"


def read_normals(folder: Path) -> dict[str, CodecNormal]:
    """The normals of the twin set ``folder`` by the key of their recording; none where the set has (yet) none.

    Raises:
        GensupError: a damaged row, or a file that is not there.
    """
    manifest = folder / FOLDER / MANIFEST
    found = {}
    for row in read_manifest(manifest) if manifest.is_file() else ():
        where = f"{manifest}: {row['id']}"
        check_schema(row.get("schema"), where)
        if not all(isinstance(row.get(name), str) for name in ("file_name", "sha256", "chain")):
            raise GensupError(
                "a damaged row",
                where=where,
                rule="file_name, sha256 and chain are texts",
                remedy=f"remove {manifest} and run the same `gensup synthesize` again",
            )
        normal = CodecNormal(manifest.parent / str(row["file_name"]), str(row["sha256"]), str(row["chain"]))
        if not normal.file.is_file():
            raise GensupError(
                "a normal of the set is missing",
                where=str(normal.file),
                remedy="run the same `gensup synthesize` again: it makes it again",
            )
        found[str(row["id"])] = normal
    return found


@dataclass(frozen=True, slots=True)
class CodecNormals:
    """All normals of one twin set: made shard by shard, each under its shard's lock; a killed shard continues."""

    folder: Path  # of the set
    codec: Codec
    originals: Sequence[Original]  # each sound once, all at one rate

    @property
    def manifest(self) -> Path:
        """Written when the last one is made; it holds no row of a recording that the codec leaves no sound of."""
        return self.folder / FOLDER / MANIFEST

    def whole(self) -> bool:
        """Whether all are there as their rows say. If some are damaged, the others are kept, and it is unfinished."""
        if not self.manifest.is_file():
            return False
        rows = read_manifest(self.manifest)
        sound = self._sound(rows)
        if len(sound) == len(rows):
            return True
        Journal(self._journal / "kept.jsonl").append_many(sound.values())
        self.manifest.unlink()
        return False

    def make(self, shard: tuple[int, int], engine: Engine) -> None:
        """Make what is missing of the ``shard`` (place, parts); the plan is a function of the originals alone.

        Raises:
            GensupError: a recording that cannot be read, or a folder that cannot be written.
        """
        if self.whole():
            return
        part, parts = shard
        done = self._sound(self._journalled().values()).keys()
        ordered = sorted(self.originals, key=lambda original: original.key)
        tasks = [tuple(ordered[i : i + CLIPS_A_TASK]) for i in range(0, len(ordered), CLIPS_A_TASK)][part::parts]
        wanted = [(task, frozenset(original.key for original in task) - done) for task in tasks]
        journal = Journal(self._journal / f"{part}-of-{parts}.jsonl")
        for result in engine.run(RoundTrip(self.folder / FOLDER, self.codec), [item for item in wanted if item[1]]):
            journal.append_many(result.result())

    def finish(self) -> int:
        """Write the manifest if every recording has gone through; how many have not.

        Whichever shard ends last writes it. Two that end together write the same bytes.

        Raises:
            GensupError: the codec leaves no sound of any recording.
        """
        if self.manifest.is_file():
            return 0
        done = self._journalled()
        lacking = sum(original.key not in done for original in self.originals)
        if lacking and self.manifest.is_file():  # another shard has just finished, and cleared its journals up
            return 0
        rows = [row for row in done.values() if "refused" not in row]
        if not lacking and not rows:
            raise GensupError(
                "no recording comes through the codec",
                where=str(self.manifest.parent),
                value=next((row["refused"] for row in done.values()), None),
                remedy="look at the model: `gensup doctor --generator ... --model ...`",
            )
        if not lacking:
            write_manifest(self.manifest, rows)
        return lacking

    @property
    def _journal(self) -> Path:
        return self.folder / JOURNAL / FOLDER

    def _journalled(self) -> dict[str, dict[str, Json]]:
        """The last row of every recording, from the journals of all shards."""
        rows: dict[str, dict[str, Json]] = {}
        for path in sorted(self._journal.glob("*.jsonl")):
            rows |= {str(row["id"]): row for row in Journal(path).read()}
        return rows

    def _sound(self, rows: Iterable[dict[str, Json]]) -> dict[str, dict[str, Json]]:
        """Those whose files are there as they were written, by id."""
        return {str(row["id"]): row for row in rows if "refused" in row or self._is_sound(row)}

    def _is_sound(self, row: Mapping[str, Json]) -> bool:
        path = self.folder / FOLDER / str(row["file_name"])
        return path.is_file() and sha256_file(path) == row["sha256"]


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Sends recordings through a codec and writes those of the keys; the files are there before their rows are told.

    All of a task go through together, also where a few are missing: a model's last bits may depend on their number.
    """

    doing = "normals through the codec"

    folder: Path
    codec: Codec

    def __call__(self, item: tuple[Sequence[Original], Collection[str]]) -> list[dict[str, Json]]:
        originals, keys = item
        recorded = [original.ref.read() for original in originals]
        (rate,) = {original.ref.rate for original in originals}
        made = zip(originals, recorded, self.codec.round_trips(recorded, rate), strict=True)
        return [self._row(original, was, audio) for original, was, audio in made if original.key in keys]

    def _row(self, original: Original, recorded: Audio, audio: Audio) -> dict[str, Json]:
        rate = original.ref.rate
        if reason := _problem(audio, recorded, rate):
            return {"id": original.key, "refused": reason}
        name = f"{original.key}.wav"
        subtype: Literal["PCM_16", "FLOAT"] = "PCM_16" if on_16_bit_grid(audio) else "FLOAT"
        write(self.folder / name, audio, rate, subtype)
        return {
            "schema": SCHEMA,
            "id": original.key,
            "file_name": name,
            "sha256": sha256_file(self.folder / name),
            "source_path": original.path,
            "chain": chain_of(self.codec),
            "generator": self.codec.name,
            "revision": self.codec.revision,
            "licence": self.codec.licence if AS_SOURCE in self.codec.licence else with_source(self.codec.licence),
            "rate": rate,
            "seconds": audio.shape[1] / rate,
        }


def _problem(audio: Audio, recorded: Audio, rate: int) -> str | None:
    """What is wrong with a recording after the codec; None when nothing is."""
    if audio.shape != recorded.shape:
        return f"the codec makes the shape {audio.shape} of {recorded.shape}"
    try:
        valid(audio, rate, "after the codec")
    except GensupError as error:
        return str(error)
    return None
