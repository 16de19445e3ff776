"""download: the archives of a year's record, fetched, checked, and unpacked into the tree that scan reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gensup import retrieval
from gensup.errors import GensupError
from gensup.retrieval import Archive, Client, Listener, Part, Receipt, Record, Source
from gensup.retrieval.transfer import part_path, size_of
from gensup.retrieval.zips import check_space
from gensup.steps.progress import QUIET
from gensup.store import RunLock, write_bytes
from gensup.store.files import read_bytes

ZIPS = "zips"
State = Literal["unpacked", "fetched", "begun", "not here"]


@dataclass(frozen=True, slots=True)
class Offer:
    """An archive that a record has. ``size`` and ``begun`` (what is here of it) in bytes."""

    year: int
    part: Part
    record: int
    licence: str | None
    machine: str
    file: str
    size: int
    checksum: str
    replaces: tuple[str, ...]
    reason: str
    state: State
    begun: int


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download did with one archive; ``folder`` is where its machines lie, or where its zip does."""

    part: Part
    machine: str
    file: str
    size: int
    fetched: bool
    unpacked: bool
    folder: Path


def available(
    year: int,
    *,
    machines: Sequence[str] = (),
    parts: Sequence[Part] = retrieval.PARTS,
    out: Path = Path("data"),
    mirror: str | None = None,
    progress: Listener = QUIET,
) -> tuple[Offer, ...]:
    """What there is of a year, and what of it is already below ``out``; nothing is written.

    Raises:
        GensupError: no such year or machine, or the record cannot be had.
    """
    job = _Job(year, out, None, Client(mirror) if mirror else Client(), progress)
    return tuple(job.offer(archive) for archive in job.chosen(machines, parts, keep=False))


def download(
    year: int,
    *,
    machines: Sequence[str] = (),
    parts: Sequence[Part] = retrieval.PARTS,
    out: Path = Path("data"),
    from_dir: Path | None = None,
    unzip: bool = True,
    drop_zips: bool = False,
    verify: bool = False,
    mirror: str | None = None,
    progress: Listener = QUIET,
    client: Client | None = None,
) -> tuple[Downloaded, ...]:
    """Fetch recordings of DCASE Task 2 into ``out/dcase<year>t2/{dev_data,eval_data}/raw/<machine>/``.

    The zips lie in ``zips/`` beside them, each with a receipt. What is there already is neither fetched nor unpacked
    again; what was begun is continued.

    Args:
        year: 2020 to 2026.
        machines: types, upper or lower case; all unless said.
        parts: dev, additional (training clips of the evaluation machines), eval; all unless said.
        out: the folder that years are put in.
        from_dir: take the archives from here instead of fetching them. The record (for the checksums) may lie there
            too, as ``<record>.json``; else it is asked for.
        unzip: False leaves the zips as they are.
        drop_zips: remove each zip that was fetched once it is unpacked.
        verify: read all bytes again instead of trusting receipts and sizes.
        mirror: the address that ``records/<id>`` lies below, instead of Zenodo's.
        progress: follows it.
        client: who asks, instead of one for ``mirror``.

    Raises:
        GensupError: no such year or machine; the record or an archive cannot be had, or has wrong bytes; too little
            space; an archive that is not safe to unpack; a file of the user's in the way; another download at work.
    """
    job = _Job(year, out, from_dir, client or (Client(mirror) if mirror else Client()), progress)
    retrieval.sources(year)  # a wrong year makes no folder
    with RunLock(job.zips):
        chosen = job.chosen(machines, parts, keep=True)
        job.say(chosen)
        missing = [archive for archive in chosen if from_dir is not None and not job.in_hand(archive, verify)]
        if missing and (machines or len(missing) == len(chosen)):
            raise _not_there(from_dir, missing)
        if missing:
            progress.note(f"{from_dir} has none of {', '.join(archive.file.name for archive in missing)}")
        todo = [archive for archive in chosen if archive not in missing]
        job.check_room(todo, unzip)
        return tuple(job.settle(archive, unzip, drop_zips, verify) for archive in todo)


@dataclass(frozen=True, slots=True)
class _Job:
    year: int
    out: Path
    from_dir: Path | None
    client: Client
    progress: Listener

    @property
    def root(self) -> Path:
        return self.out / f"dcase{self.year}t2"

    @property
    def zips(self) -> Path:
        return self.root / ZIPS

    def chosen(self, machines: Sequence[str], parts: Sequence[Part], keep: bool) -> tuple[Archive, ...]:
        """The archives of some machines in some parts. ``keep`` the records, for days without a network."""
        if self.from_dir is not None and not self.from_dir.is_dir():
            raise GensupError("no such folder", where="--from-dir", value=str(self.from_dir))
        found: list[Archive] = []
        for source in retrieval.sources(self.year, tuple(parts)):
            archives, others = retrieval.archives_of(source, self._record(source, keep))
            found.extend(archives)
            if others:
                self.progress.note(f"record {source.record} also has {', '.join(others)}, which is left there")
        return retrieval.choose(found, machines)

    def _record(self, source: Source, keep: bool) -> Record:
        name = f"record-{source.record}.json"
        brought = self.from_dir / f"{source.record}.json" if self.from_dir else None
        kept = self.zips / name
        url = self.client.record_url(source.record)
        if brought is not None and brought.is_file():
            return retrieval.parse_record(read_bytes(brought), source.record, str(brought))
        try:
            data = self.client.read(url, self.progress.note)
            record = retrieval.parse_record(data, source.record, url)
        except GensupError as error:
            if kept.is_file():
                self.progress.note(f"{error.what}: {url}; going by the copy of an earlier download")
                return retrieval.parse_record(read_bytes(kept), source.record, str(kept))
            if brought is None:
                raise
            raise GensupError(
                error.what,
                where=url,
                value=error.value,
                rule="the record has the checksums",
                remedy=f"where there is a network, save that address as {brought.name} beside the archives",
            ) from None
        if keep:
            write_bytes(kept, data)
        return record

    def say(self, chosen: Sequence[Archive]) -> None:
        """Each record's licence once, and what was replaced."""
        for record, source in {archive.record.id: (archive.record, archive.source) for archive in chosen}.values():
            licence = record.licence or "no licence said"
            self.progress.note(f"{record.title} (record {record.id}): {licence}; clips made from these have it too")
            for old, reason in source.instead_of.items():
                self.progress.note(f"record {record.id} is taken instead of {old}: {reason}")
        for archive in chosen:
            if archive.reason:
                instead = f" instead of {', '.join(archive.replaced)}" if archive.replaced else ""
                self.progress.note(f"{archive.file.name} is taken{instead}: {archive.reason}")

    def offer(self, archive: Archive) -> Offer:
        source, file = archive.source, archive.file
        state, begun = self._state(archive)
        return Offer(
            source.year,
            source.part,
            source.record,
            archive.record.licence,
            archive.machine,
            file.name,
            file.size,
            str(file.checksum),
            archive.replaced,
            archive.reason,
            state,
            begun,
        )

    def _state(self, archive: Archive) -> tuple[State, int]:
        receipt = self._receipt(archive)
        if receipt and receipt.into is not None and receipt.missing(self.root) is None:
            return "unpacked", archive.file.size
        path = self.zips / archive.file.name
        if receipt and size_of(path) == archive.file.size:
            return "fetched", archive.file.size
        begun = size_of(part_path(path))
        return ("begun" if begun else "not here"), begun

    def _receipt(self, archive: Archive) -> Receipt | None:
        """The receipt of this very archive: of one that the record has since replaced there is none."""
        receipt = retrieval.read_receipt(self.zips, archive.file.name)
        return receipt if receipt and receipt.checksum == str(archive.file.checksum) else None

    def check_room(self, todo: Sequence[Archive], unzip: bool) -> None:
        """Refuse before the first byte what will not fit: what is to come, and as much again where it is unpacked."""
        needed = 0
        for archive in todo:
            state, begun = self._state(archive)
            if state != "unpacked":
                needed += (0 if self.from_dir else archive.file.size - begun) + (archive.file.size if unzip else 0)
        if needed:
            check_space(self.root, needed, "for all that was asked for")

    def in_hand(self, archive: Archive, verify: bool) -> bool:
        """Whether an archive that may not be fetched is there, or was fetched or unpacked earlier."""
        assert self.from_dir is not None
        brought = (self.from_dir / archive.file.name).is_file()
        return brought or self._state(archive)[0] == "fetched" or self._done(archive, verify)

    def _done(self, archive: Archive, verify: bool) -> bool:
        """Whether it is unpacked, whole.

        Raises:
            GensupError: with ``verify``, a file was altered since.
        """
        receipt = self._receipt(archive)
        if receipt is None or receipt.into is None:
            return False
        if verify and (path := receipt.altered(self.root)):
            raise GensupError(
                "altered since it was unpacked",
                where=str(self.root / receipt.into / path),
                rule=f"its bytes are not those of {receipt.archive}",
                remedy="remove it, and the same command unpacks it again",
            )
        return receipt.missing(self.root) is None

    def settle(self, archive: Archive, unzip: bool, drop_zips: bool, verify: bool) -> Downloaded:
        """Do what is left to do for one archive."""
        source, file, path = archive.source, archive.file, self.zips / archive.file.name
        into = self.root / source.folder
        kept = path.is_file()
        done = self._done(archive, verify)
        result = Downloaded(
            source.part, archive.machine, file.name, file.size, False, done, into if done else self.zips
        )
        if done and (unzip or not kept) and not (verify and kept):
            return result
        ours = retrieval.unpacked_paths(self.zips, source.folder)  # read while an outdated receipt is still there
        place, fetched = self._zip(archive, verify)
        result = replace(result, fetched=fetched)
        if done or not unzip:
            return replace(result, folder=into if done else place.parent)
        members = retrieval.unpack(
            place,
            into,
            machine=archive.machine,
            ours=ours,
            listener=self.progress,
        )
        retrieval.write_receipt(self.zips, self._bill(archive, source.folder, members))
        if drop_zips and place == path:
            path.unlink()
        return replace(result, unpacked=True, folder=into)

    def _zip(self, archive: Archive, verify: bool) -> tuple[Path, bool]:
        """The archive, its checksum right, and whether it was fetched for that."""
        file = archive.file
        if self.from_dir is not None and (brought := self.from_dir / file.name).is_file():
            if size_of(brought) != file.size or not file.checksum.matches(brought):
                raise GensupError(
                    "not the record's bytes",
                    where=str(brought),
                    value=f"{size_of(brought)} bytes",
                    rule=f"record {archive.record.id} has {file.size} bytes, {file.checksum}",
                    remedy="fetch it again",
                )
            return brought, False
        path = self.zips / file.name
        if size_of(path) == file.size and path.is_file():
            known = self._receipt(archive) is not None
            if (known and not verify) or file.checksum.matches(path):
                if not known:
                    retrieval.write_receipt(self.zips, self._bill(archive))
                return path, False
            self.progress.note(f"{path}: its bytes are not those of the record; fetched again")
        retrieval.fetch(self.client, archive.record.id, file, path, self.progress)
        old = self._receipt(archive)
        retrieval.write_receipt(self.zips, old or self._bill(archive))
        return path, True

    def _bill(self, archive: Archive, into: str | None = None, members: tuple[retrieval.Member, ...] = ()) -> Receipt:
        file = archive.file
        return Receipt(
            file.name, file.size, str(file.checksum), archive.record.id, archive.record.licence, into, members
        )


def _not_there(folder: Path | None, missing: Sequence[Archive]) -> GensupError:
    replaced = [f"{archive.file.name} ({old} was replaced by it)" for archive in missing for old in archive.replaced]
    names = replaced or [archive.file.name for archive in missing]
    return GensupError(
        "archives that are not there",
        where=str(folder),
        value=", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else ""),
        remedy="put them there, ask for other machines, or leave --from-dir out to fetch them",
    )
