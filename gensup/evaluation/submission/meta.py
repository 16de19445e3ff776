"""The meta yaml: the challenge's fields, filled in as far as the detectors say; the rest is marked, not made up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TypeAlias, cast

from gensup.clip import Json
from gensup.detection.chain import ChainDetector
from gensup.detection.fusion import Fusion
from gensup.errors import GensupError
from gensup.evaluation.submission.rules import Rules
from gensup.synthesis.physical import PhysicalFaults

FILL_IN = "FILL IN: "
ABBREVIATION = 10  # characters at most
LABEL = re.compile(r"[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*_task2_[1-4]")

# The challenge's tags for parts of ours; a part that has none is called by its own name.
TAGS = {
    "log-mel": "log-mel energies",
    "gwrp": "global weighted ranking pooling",
    "gmm": "GMM",
    "knn": "k-NN",
    "mahalanobis": "Mahalanobis distance",
    "max": "maximum",
    "mean": "average",
}
# Generators that hold no parameters and use no data but the machine's own normal clips.
SIMULATED = (PhysicalFaults.name,)

# Of a run's configuration: what the detector itself says, and long tables of what might have been.
ELSEWHERE = ("default", "detectors", "generator", "machine", "plan")

Detector: TypeAlias = "ChainDetector | Fusion"

HEAD = """\
# Meta information of one submitted system, DCASE {year} Challenge Task 2.
# Values that begin with "FILL IN" are the team's to give; `gensup submit check` refuses them.
# null = does not apply. system.complexity counts the numbers that fitted models hold: detection_parameters those that
# score the test clips, over all machines; training_parameters these and the networks of a generator of synthetic clips.
# system.parameters says with which settings the system was chosen and fitted, and with which it detects.
"""


@dataclass(frozen=True, slots=True)
class System:
    """What one machine's test clips are scored with."""

    detector: Detector
    run: Mapping[str, Json]  # run.json of the run that chose it; {} for a detector that nobody chose
    threshold: float  # raw scores above it are called anomalous

    @property
    def machine(self) -> str:
        return self.detector.machine

    @property
    def chains(self) -> tuple[ChainDetector, ...]:
        return self.detector.chains() if isinstance(self.detector, Fusion) else (self.detector,)

    @property
    def parameters(self) -> int:
        """Numbers that its fitted models hold."""
        return sum(array.size for c in self.chains for model in c.models.values() for array in model.state().values())

    @property
    def generator(self) -> str | None:
        """What made the synthetic clips that chose it; None where none did, or the run was given a set."""
        config = self.run.get("config")
        synthesis = config.get("synthesis") if isinstance(config, dict) else None
        return str(synthesis.get("generator")) if isinstance(synthesis, dict) else None


def document(systems: Sequence[System], rules: Rules, label: str) -> dict[str, Json]:
    """The meta yaml's content."""
    detection = sum(system.parameters for system in systems)
    foreign = any(system.run and system.generator not in SIMULATED for system in systems)
    training: Json = detection
    if foreign:
        training = f"{FILL_IN}detection_parameters and the parameters of what made the synthetic clips"
    recipes = ", ".join(dict.fromkeys(chain.recipe for system in systems for chain in system.chains))
    return {
        "submission": {
            "label": label,
            "name": f"gensup {recipes}",
            "abbreviation": f"gensup-{label[-1]}",
            "authors": [_author()],
        },
        "system": {
            "description": {field: _described(field, systems) for field in rules.description},
            "complexity": {
                **dict.fromkeys(rules.complexity, cast("Json", detection)),
                "training_parameters": training,
                "detection_parameters": detection,
            },
            "external_datasets": f"{FILL_IN}a list of name and url, or null" if foreign else None,
            "source_code": None,
            "parameters": {
                "training": {system.machine: _training(system) for system in systems},
                "detection": {system.machine: _detection(system) for system in systems},
            },
        },
        "results": {"development_dataset": None},
    }


def merged(content: Mapping[str, Json], own: Mapping[str, Json]) -> dict[str, Json]:
    """``content`` with the user's values in place of ours; a list replaces a list."""
    result = dict(content)
    for key, value in own.items():
        there = result.get(key)
        result[key] = merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return result


def kept(content: Mapping[str, Json], earlier: Mapping[str, Json]) -> dict[str, Json]:
    """``content`` with what an ``earlier`` meta yaml says where ours holds a mark or nothing: the user filled it in."""
    result: dict[str, Json] = {}
    for key, value in content.items():
        there = earlier.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            result[key] = kept(value, there)
        else:
            # A list of authors that is half filled in is kept, too; a mark that nobody has touched is not.
            own = there is not None and (marks(value) or (value is None and not marks(there)))
            result[key] = there if own else value
    return result


def marks(value: Json) -> bool:
    """Whether a value holds something that is to be filled in."""
    if isinstance(value, dict):
        return any(marks(item) for item in value.values())
    if isinstance(value, list):
        return any(marks(item) for item in value)
    return isinstance(value, str) and value.startswith(FILL_IN.strip())


def written(content: Mapping[str, Json], rules: Rules) -> str:
    """The meta yaml's text, the same for the same content."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 10_000  # a folded line would be another file with another emitter
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    yaml.dump(dict(content), text)
    return HEAD.format(year=rules.year) + text.getvalue()


def label_of(team: str, index: int) -> str:
    """NAME_INSTITUTE_task2_N, from NAME_INSTITUTE; a team that gives the whole label has it.

    Raises:
        GensupError: not such a name, or no index from 1 to 4.
    """
    if not 1 <= index <= 4:
        raise GensupError("no such system", where="--system", value=index, rule="1 to 4: a team may hand in four")
    label = team if LABEL.fullmatch(team) else f"{team}_task2_{index}"
    if not LABEL.fullmatch(label):
        raise GensupError(
            "no team name",
            where="--team",
            value=team,
            rule="letters, digits and -, joined by _: the corresponding author's last name and institute",
            remedy="like Guan_HEU",
        )
    return label


def team_of(label: str) -> str:
    """The label without its task and index."""
    return label.rpartition("_task2_")[0]


def _author() -> Json:
    return {
        "lastname": f"{FILL_IN}last name",
        "firstname": f"{FILL_IN}first name",
        "email": f"{FILL_IN}address",
        "corresponding": True,
        "affiliation": {
            "institution": f"{FILL_IN}institution",
            "department": None,
            "location": f"{FILL_IN}city, country",
        },
    }


def _described(field: str, systems: Sequence[System]) -> Json:
    """A field of system.description; null where it does not apply."""
    chains = [chain for system in systems for chain in system.chains]
    fused = [system.detector for system in systems if isinstance(system.detector, Fusion)]
    if field == "input_sampling_rate":
        return _list(f"{chain.rate / 1000:g}kHz" for chain in chains)
    if field == "acoustic_features":
        return _list(_tag(chain.params.get("frontend.kind")) for chain in chains)
    if field == "machine_learning_method":
        return _list(_tag(chain.params.get("backend.kind")) for chain in chains)
    if field == "aggregation_method":
        return _list(_tag(chain.params.get("pooling.kind")) for chain in chains)
    if field == "ensemble_method_subsystem_count":
        return max(len(system.chains) for system in systems) if fused else None
    if field == "decision_making":
        return _list(_tag(fusion.combine) for fusion in fused)
    if field == "external_data_usage":
        used = [system.generator or "synthetic clips" for system in systems if system.run]
        return f"{FILL_IN}what made the synthetic clips" if any(u not in SIMULATED for u in used) else None
    return None


def _training(system: System) -> Json:
    """How the detector came to be: the run's resolved configuration and answer."""
    verdict = system.run.get("verdict")
    said: dict[str, Json] = {"chosen": bool(system.run)}
    if isinstance(verdict, dict):
        said["answer"] = verdict.get("answer")
    config = system.run.get("config")
    if isinstance(config, dict):
        said["configuration"] = {key: config[key] for key in sorted(config) if key not in ELSEWHERE}
    said["recipes"] = [{"recipe": chain.recipe, "values": dict(chain.params)} for chain in system.chains]
    return said


def _detection(system: System) -> Json:
    """With what a clip is scored and called anomalous."""
    detector = system.detector
    return {
        "detector": detector.description,
        "models": list(detector.groups),
        "parameters": system.parameters,
        "rate": detector.rate,
        "channel": detector.channel,
        "threshold": system.threshold,
    }


def _tag(part: object) -> str | None:
    return None if part is None else TAGS.get(str(part), str(part))


def _list(words: object) -> str | None:
    """The words, each once, between commas; None where there is none."""
    said = dict.fromkeys(word for word in cast("Sequence[str | None]", words) if word)
    return ", ".join(said) or None
