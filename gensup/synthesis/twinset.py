"""A twin set on disk: clips/, one row a clip in metadata.jsonl, and a card. A Hugging Face ``audiofolder``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

from gensup import metadata
from gensup.clip import Clip, Condition, Domain, Json, Status
from gensup.errors import GensupError
from gensup.store import SCHEMA, check_schema, read_manifest, write_text
from gensup.synthesis import codec
from gensup.synthesis.plan import Plan, normal_twins
from gensup.synthesis.records import Order, Provenance

MANIFEST = "metadata.jsonl"
WANTED = "wanted"  # folder, in a run, of a second set: the rungs that its ladders turned out to lack
Layout = Literal["clips", "dcase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticClip:
    """A row of metadata.jsonl, as far as selection and reports read it."""

    id: str
    file: Path
    condition: Condition
    caption: str
    twin: str | None  # None: an anomaly nobody made a normal twin of
    source: str | None  # sha256 of the real clip's decoded audio
    machine: str | None
    section: str | None
    domain: Domain | None
    family: str | None
    mechanism: str | None
    status: Status | None
    severity: float
    chain: str  # what both twins went through; "none": the normal twin is the recording itself
    sha256: str  # of the file's bytes
    nuisance: str | None = None  # what was done to a copy of the normal twin; None for all other clips


def row(clip_id: str, file: str, sha256: str, order: Order, provenance: Provenance) -> dict[str, Json]:
    """One line of metadata.jsonl."""
    source = order.source
    said: dict[str, Json] = {
        "machine": source.machine if source else None,
        "section": source.section if source else None,
        "domain": source.domain if source else None,
        "attributes": [list(pair) for pair in source.attributes] if source else [],
        "source_path": (source.path or None) if source else None,
    }
    made = cast("dict[str, Json]", asdict(provenance))
    made["sources"] = list(provenance.sources)
    made["parameters"] = dict(provenance.parameters)
    place: dict[str, Json] = {"schema": SCHEMA, "id": clip_id, "file_name": file, "sha256": sha256}
    return {**place, **made, **said, "rate": order.rate, "seconds": order.seconds}


def file_names(plan: Plan, layout: Layout) -> dict[str, str]:
    """Where every clip of the plan lies, by its id: a function of the plan, so that every shard knows it.

    ``dcase`` is an ordinary ``test/`` folder, so that other toolkits can score the set unchanged.
    """
    every: list[tuple[str, Order, Condition]] = [
        (twin, order, "normal") for twin, order in normal_twins(plan.orders).items()
    ]
    every += [(order.id, order, "anomaly") for order in plan.orders]
    every += [(copy, order, "normal") for copy, (order, _) in plan.copies.items()]
    if layout == "clips":
        return {clip_id: f"clips/{clip_id}.wav" for clip_id, _, _ in every}
    seen: Counter[tuple[object, ...]] = Counter()
    names = {}
    for clip_id, order, condition in every:
        source = order.source or Clip(path="")
        section, domain = source.section or "00", source.domain or "source"
        index = seen[section, domain, condition]
        seen[section, domain, condition] += 1
        clip = Clip(
            path="",
            section=section,
            domain=domain,
            split="test",
            condition=condition,
            index=f"{index:04d}",
            attributes=source.attributes,
        )
        names[clip_id] = f"{source.machine}/test/{metadata.format(clip)}.wav"
    return names


def read(folder: Path) -> tuple[SyntheticClip, ...]:
    """The clips of a finished set, in order of their ids.

    Raises:
        GensupError: no manifest (the set is unfinished), a damaged row, or a file that is not there.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise GensupError(
            "no finished twin set here",
            where=str(folder),
            rule=f"a set has a {MANIFEST}, written when its last clip is",
            remedy="run the same `gensup synthesize` again (every shard of it): it continues",
        )
    return tuple(_clip(folder, line, str(manifest)) for line in read_manifest(manifest))


def _clip(folder: Path, line: Mapping[str, Json], where: str) -> SyntheticClip:
    check_schema(line.get("schema"), where)
    try:
        file = folder / str(line["file_name"])
        condition = cast("Condition", line["condition"])
        if condition not in ("normal", "anomaly"):
            raise ValueError(f"condition {condition!r}")
        sources = cast("list[str]", line.get("sources") or [])
        clip = SyntheticClip(
            id=str(line["id"]),
            file=file,
            condition=condition,
            caption=str(line.get("caption", "")),
            twin=cast("str | None", line.get("twin")),
            source=sources[0] if sources else None,
            machine=cast("str | None", line.get("machine")),
            section=cast("str | None", line.get("section")),
            domain=cast("Domain | None", line.get("domain")),
            family=cast("str | None", line.get("family")),
            mechanism=cast("str | None", line.get("mechanism")),
            status=cast("Status | None", line.get("status")),
            severity=float(cast(float, line["severity"])),
            chain=str(line["chain"]),
            sha256=str(line["sha256"]),
            nuisance=cast("str | None", line.get("nuisance")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise GensupError(
            "a damaged row", where=f"{where}: {line.get('id')}", value=str(error), remedy="make the set again"
        ) from None
    if not file.is_file():
        raise GensupError(
            "a clip of the set is missing", where=str(file), remedy="run the same `gensup synthesize` again"
        )
    return clip


def write_card(
    folder: Path, rows: Sequence[Mapping[str, Json]], left_out: Mapping[str, str], refused: Mapping[str, str]
) -> None:
    """README.md: the dataset card, with what the set is, is not, and may be used for."""
    first = rows[0]
    counts = Counter(
        (str(r["family"]), str(r["mechanism"]), str(r["status"])) for r in rows if r["condition"] == "anomaly"
    )
    sources = {source for r in rows for source in cast("list[str]", r["sources"])}
    copies = [str(r["nuisance"]) for r in rows if r["nuisance"] is not None]
    explained = [
        f"{len(copies)} of them are normal twins once more, changed in ways that are no fault, and so normal, too:",
        f"{', '.join(sorted(set(copies)))} (`nuisance` in their rows).",
        "",
    ]
    lines = [
        "---",
        "configs:",
        "  - config_name: default",
        "    data_files:",
        "      - split: train",
        "        path:",
        f"          - {MANIFEST}",
        *(f"          - {place}/**" for place in sorted({str(row["file_name"]).partition("/")[0] for row in rows})),
        "tags: [audio, anomalous-sound-detection, synthetic]",
        "---",
        f"# Synthetic twins of {first['machine']}",
        "",
        *_origin(rows, len(sources)),
        "",
        *(explained if copies else ()),
        *(_HELD_OUT if sources else ()),
        *(_CODED if (folder / codec.FOLDER / codec.MANIFEST).is_file() else ()),
        "| family | mechanism | signature | clips |",
        "|---|---|---|---|",
        *(f"| {family} | {mechanism} | {status} | {n} |" for (family, mechanism, status), n in sorted(counts.items())),
    ]
    for title, reasons in (("Left out", left_out), ("Not made", refused)):
        if reasons:
            lines += ["", f"{title}:", "", *(f"- {name}: {reason}" for name, reason in sorted(reasons.items()))]
    write_text(folder / "README.md", "\n".join(lines) + "\n")


_HELD_OUT = (
    "A detector that is to be judged by this set must be fitted without those recordings (`source_path`);",
    "`gensup tune` sees to it by itself.",
    "",
)


_CODED = (
    f"`{codec.FOLDER}/` holds the machine's recordings after the codec that the clips went through.",
    "A detector that is to be judged by this set should be fitted on those instead of the recordings: what",
    "the codec alone does would else be taken for a fault. `gensup tune` does so by itself.",
    "",
)


def _origin(rows: Sequence[Mapping[str, Json]], sources: int) -> list[str]:
    """What made the clips, and of what."""
    first = rows[0]
    physical = first["chain"] == "none"
    fault = "simulated fault" if physical else "fault in words"
    recorded = f"from {sources} normal recordings, named in `sources` by the SHA-256 of their decoded samples"
    made = [f"Made {recorded}."]
    if not physical:
        made = [
            f"Made {recorded if sources else 'from noise, of no recording'}; chain `{first['chain']}`.",
            f"Model and settings: {first['revision']}. The fault is what the model makes of its caption,",
            "and no known signature.",
        ]
    return [
        f"{len(rows)} clips by gensup's generator `{first['generator']}`: normal clips of the machine, and twins of",
        f"each that differ in one {fault}. They are for choosing between detectors, and are no recordings of a",
        "broken machine.",
        "",
        *made,
        f"Licence: {first['licence']}. A clip's row in `metadata.jsonl` says how to make it again.",
    ]
