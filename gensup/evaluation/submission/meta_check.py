"""The meta yaml, field by field: what the challenge's template asks for, with the line of everything that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any, TypeAlias

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.evaluation.submission.meta import ABBREVIATION, FILL_IN, LABEL
from gensup.evaluation.submission.problem import Problem
from gensup.evaluation.submission.rules import YEARS, Rules
from gensup.resources import parse_yaml

Path: TypeAlias = tuple[str | int, ...]
COUNTS = ("total_parameters", "training_parameters", "detection_parameters")


def check_meta(data: bytes, path: str, label: str, rules: Rules, *, exact: bool) -> list[Problem]:
    """What is wrong with a meta yaml.

    Args:
        label: of the folder that it stands in.
        exact: ``rules`` are of the year that is meant, and not of one that names its files alike.
    """
    try:
        text = data.decode("utf-8-sig")
        content = parse_yaml(text, path)
    except UnicodeDecodeError as error:
        return [Problem(path, data.count(b"\n", 0, error.start) + 1, "not UTF-8", "a meta yaml is text")]
    except GensupError as error:
        return [Problem(path, 0, f"{error.what}", error.rule or error.remedy)]
    look = _Look(content, path, _lines(text))
    look.marks((), content)
    look.submission(label)
    look.system(rules)
    look.results(rules, exact)
    return sorted(set(look.problems))


class _Look:
    """What has been found so far."""

    def __init__(self, content: Mapping[str, Json], path: str, lines: Mapping[Path, int]) -> None:
        self.content, self.path, self.lines = content, path, lines
        self.problems: list[Problem] = []

    def wrong(self, place: Path, what: str, rule: str) -> None:
        """Add a problem, at the line of ``place`` or of what holds it."""
        line = next((self.lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in self.lines), 0)
        self.problems.append(Problem(self.path, line, f"{'.'.join(map(str, place))}: {what}", rule))

    def at(self, place: Path) -> Json:
        """The value there; None where there is none."""
        value: Any = self.content
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value  # type: ignore[no-any-return]

    def marks(self, place: Path, value: Json) -> None:
        """Values that nobody has filled in yet."""
        if isinstance(value, dict):
            for key, item in value.items():
                self.marks((*place, key), item)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self.marks((*place, number), item)
        elif isinstance(value, str) and value.startswith(FILL_IN.strip()):
            self.wrong(place, "not filled in", value.removeprefix(FILL_IN.strip()).strip() or "the team's to give")

    def text(self, place: Path, rule: str = "a text") -> str | None:
        """The text there; a problem and None where there is another thing or nothing."""
        value = self.at(place)
        if isinstance(value, str) and value.strip():
            return value
        self.wrong(place, "missing" if value is None else f"no text: {value!r}", rule)
        return None

    def mapping(self, place: Path) -> dict[str, Json] | None:
        value = self.at(place)
        if isinstance(value, dict):
            return value
        self.wrong(place, "missing" if value is None else "no mapping", "the template's section")
        return None

    def submission(self, label: str) -> None:
        if self.mapping(("submission",)) is None:
            return
        said = self.text(("submission", "label"), "LASTNAME_INSTITUTE_task2_N, N from 1 to 4")
        if said is not None and not LABEL.fullmatch(said):
            self.wrong(("submission", "label"), f"no label: {said!r}", "LASTNAME_INSTITUTE_task2_N, N from 1 to 4")
        elif said is not None and label and said != label:
            self.wrong(("submission", "label"), f"another label: {said!r}", f"the folder's: {label}")
        self.text(("submission", "name"))
        short = self.text(("submission", "abbreviation"))
        if short is not None and len(short) > ABBREVIATION:
            self.wrong(("submission", "abbreviation"), f"{len(short)} characters", f"at most {ABBREVIATION}")
        authors = self.at(("submission", "authors"))
        if not isinstance(authors, list) or not authors:
            self.wrong(("submission", "authors"), "no authors", "a list of at least one")
            return
        for number, author in enumerate(authors):
            self.author(("submission", "authors", number), author)
        leading = [a for a in authors if isinstance(a, dict) and a.get("corresponding") is True]
        if len(leading) != 1:
            self.wrong(("submission", "authors"), f"{len(leading)} corresponding authors", "exactly one: `true`")

    def author(self, place: Path, author: Json) -> None:
        if not isinstance(author, dict):
            self.wrong(place, "no mapping", "lastname, firstname, email, affiliation")
            return
        self.text((*place, "lastname"))
        self.text((*place, "firstname"))
        address = self.text((*place, "email"), "an address")
        if address is not None and "@" not in address and not address.startswith(FILL_IN.strip()):
            self.wrong((*place, "email"), f"no address: {address!r}", "name@place")
        if author.get("corresponding") not in (None, True, False):
            self.wrong((*place, "corresponding"), f"neither true nor false: {author['corresponding']!r}", "true once")
        if self.mapping((*place, "affiliation")) is not None:
            self.text((*place, "affiliation", "institution"))
            self.text((*place, "affiliation", "location"))

    def system(self, rules: Rules) -> None:
        if self.mapping(("system",)) is None:
            return
        described = self.mapping(("system", "description"))
        if described is not None:
            for field in rules.description:
                place: Path = ("system", "description", field)
                if field not in described:
                    self.wrong(place, "missing", f"a field of {rules.year}'s template; null where it does not apply")
                elif not _plain(described[field]):
                    self.wrong(place, "neither a text nor a number", "tags between commas, or null")
        counts = self.mapping(("system", "complexity"))
        if counts is not None:
            for field in dict.fromkeys((*rules.complexity, *(name for name in COUNTS if name in counts))):
                self.count(("system", "complexity", field), counts.get(field))
        data = self.at(("system", "external_datasets"))
        if isinstance(data, list):
            for number, item in enumerate(data):
                if not isinstance(item, dict) or not {"name", "url"} <= item.keys():
                    self.wrong(("system", "external_datasets", number), "no data set", "name and url")
        elif data is not None and not isinstance(data, str):
            self.wrong(("system", "external_datasets"), "no list", "a list of name and url, or null")
        source = self.at(("system", "source_code"))
        if source is not None and not (isinstance(source, str) and source.startswith(("http://", "https://"))):
            self.wrong(("system", "source_code"), f"no URL: {source!r}", "where the code is, or null")

    def count(self, place: Path, value: Json) -> None:
        marked = isinstance(value, str) and value.startswith(FILL_IN.strip())  # said once already
        if not marked and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            self.wrong(place, "missing" if value is None else f"no count: {value!r}", "a whole number of parameters")

    def results(self, rules: Rules, exact: bool) -> None:
        place: Path = ("results", "development_dataset")
        results = self.at(("results",))
        if not isinstance(results, dict) or "development_dataset" not in results:
            self.wrong(place, "missing", "results by machine in percent, or null")
            return
        machines = results["development_dataset"]
        if machines is None:
            return
        if not isinstance(machines, dict):
            self.wrong(place, "no mapping", "results by machine in percent, or null")
            return
        alike = [year for year in YEARS.values() if exact is False and year.names == rules.names] or [rules]
        for machine, figures in machines.items():
            if not isinstance(figures, dict):
                self.wrong((*place, machine), "no mapping", f"{', '.join(rules.results)}")
                continue
            if not any(figures.keys() <= set(year.results) for year in alike):
                self.wrong((*place, machine), f"other fields: {', '.join(figures)}", f"{', '.join(rules.results)}")
            for name, figure in figures.items():
                number = isinstance(figure, int | float) and not isinstance(figure, bool)
                if figure is not None and not (number and 0 <= figure <= 100):  # type: ignore[operator]
                    self.wrong((*place, machine, name), f"no percentage: {figure!r}", "0 to 100, or null")


def _plain(value: Json) -> bool:
    return value is None or isinstance(value, str | int | float)


def _lines(text: str) -> dict[Path, int]:
    """The line of every value, by the keys that lead to it. Only of a text that ``parse_yaml`` took: it has bounds."""
    from ruamel.yaml import YAML

    found: dict[Path, int] = {}

    def walk(node: Any, place: Path) -> None:
        if node.id == "mapping":
            for key, value in node.value:
                found[(*place, key.value)] = key.start_mark.line + 1
                walk(value, (*place, key.value))
        elif node.id == "sequence":
            for number, value in enumerate(node.value):
                found[(*place, number)] = value.start_mark.line + 1
                walk(value, (*place, number))

    walk(YAML(typ="safe", pure=True).compose(StringIO(text)), ())
    return found
