"""prompts/ and detectors/: where they stand, a user's overlay on top of them, and the one gate for YAML."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.clip import Json

Kind = Literal["prompts", "detectors"]
MAX_BYTES = 1 << 20
MAX_NODES = 50_000
_YAML_OR_TEMPLATE = re.compile(r"\.(ya?ml|j2|jinja2?)$", re.IGNORECASE)


@cache
def shipped(kind: Kind) -> Traversable:
    """The shipped folder: inside an installed wheel, or beside the package in a checkout."""
    installed = files("gensup") / "data" / kind
    if installed.is_dir():
        return installed
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / kind).is_dir():
        return checkout / kind
    raise GensupError(
        f"gensup's own {kind}/ is missing",
        where=str(checkout / kind),
        rule=f"it stands in {installed} or beside the package",
        remedy="install gensup again",
    )


def names(kind: Kind, suffix: str, overlay: Path | None = None) -> tuple[str, ...]:
    """Names (without ``suffix``) of the files of a kind, the overlay's among them, sorted."""
    places: list[Traversable] = [shipped(kind)]
    if overlay is not None:
        places.append(_folder(overlay, kind))
    found = {entry.name for place in places for entry in place.iterdir() if entry.is_file()}
    return tuple(sorted(name.removesuffix(suffix) for name in found if name.endswith(suffix)))


def text(kind: Kind, file: str, overlay: Path | None = None) -> str:
    """A file's text; the overlay's file replaces the shipped one.

    Raises:
        GensupError: neither folder holds it, or it is too large or not UTF-8.
    """
    return _read(_sources(kind, file, overlay)[-1])


def mapping(kind: Kind, file: str, overlay: Path | None = None) -> dict[str, Json]:
    """A YAML mapping; top-level keys of the overlay's file replace the shipped ones or are added to them."""
    merged: dict[str, Json] = {}
    for at, source in enumerate(_sources(kind, file, overlay)):
        merged.update(parse_yaml(_read(source), str(source), ours=at == 0 and _is_shipped(kind, file)))
    return merged


def parse_yaml(source: str, where: str, *, ours: bool = False) -> dict[str, Json]:
    """A YAML 1.2 mapping with text keys, no duplicate keys, no tags and a bounded number of nodes.

    YAML 1.2 keeps ``no`` a word. Bounds make an alias bomb an error instead of a full memory.

    Args:
        ours: the text comes with gensup: libyaml may read it where that is installed, five times as fast. Of a
            stranger's text it could overflow the stack.

    Raises:
        GensupError: the text is not such a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.error import YAMLError

    class Constructor(SafeConstructor):
        def flatten_mapping(self, node: Any) -> Any:
            # YAML 1.2 has no merge keys, and a few lines of them grow a thousandfold before anything can count.
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise YAMLError("`<<` is no key of YAML 1.2; write the keys out")
            return super().flatten_mapping(node)

    yaml = YAML(typ="safe", pure=not ours)
    yaml.Constructor = Constructor
    try:
        loaded = yaml.load(StringIO(source))
    except (YAMLError, RecursionError, ValueError, KeyError) as error:  # KeyError: `!!bool` before another word
        raise GensupError(f"not valid YAML: {error}", where=where, remedy="mend the file") from None
    if not isinstance(loaded, dict):
        raise GensupError(
            "not a mapping",
            where=where,
            value=type(loaded).__name__,
            rule="the file's top level is `key: value` lines",
        )
    try:
        return _plain(loaded, where)
    except RecursionError:
        raise GensupError("nested too deeply", where=where, rule="an alias cannot hold itself") from None


def _plain(node: dict[object, object], where: str) -> dict[str, Json]:
    left = MAX_NODES

    def walk(value: object) -> Json:
        nonlocal left
        left -= 1
        if left < 0:
            raise GensupError("too many nodes", where=where, rule=f"at most {MAX_NODES}, aliases counted each time")
        if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
            return value
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {_key(key, where): walk(item) for key, item in value.items()}
        # A date, a set, an infinity: YAML knows more than JSON, and no recipe or prompt needs it.
        raise GensupError("a value that JSON cannot say", where=where, value=str(value), remedy="put it in quotes")

    return {_key(key, where): walk(value) for key, value in node.items()}


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise GensupError("a key that is no text", where=where, value=key, remedy="put it in quotes")
    return key


def _sources(kind: Kind, file: str, overlay: Path | None) -> list[Traversable]:
    """Where a file stands: the shipped one, then the overlay's, at least one of them."""
    places: list[Traversable] = [shipped(kind)]
    if overlay is not None:
        places.append(_folder(overlay, kind))
    # A listed name and no path: `../` in a style or a recipe's name opens nothing.
    found = [
        place / file for place in places if any(entry.name == file and entry.is_file() for entry in place.iterdir())
    ]
    if not found:
        known = ", ".join(names(kind, "", overlay))
        raise GensupError("no such file", where=f"{kind}/", value=file, rule=f"known here: {known}")
    return found


def _is_shipped(kind: Kind, file: str) -> bool:
    return any(entry.name == file and entry.is_file() for entry in shipped(kind).iterdir())


def _read(source: Traversable) -> str:
    where = str(source)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise GensupError("cannot be read", where=where, value=error.strerror, remedy="check its permissions") from None
    if len(data) > MAX_BYTES:
        raise GensupError("the file is too large", where=where, value=f"{len(data)} bytes", rule=f"at most {MAX_BYTES}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GensupError("not UTF-8", where=where, value=str(error), remedy="save the file as UTF-8") from None


def _folder(overlay: Path, kind: Kind) -> Path:
    """The overlay, checked: a file whose name is not quite right would lie there and change nothing."""
    if not overlay.is_dir():
        raise GensupError("no such folder", where=f"--{kind}", value=str(overlay), remedy="name a folder that exists")
    ours = sorted(entry.name for entry in shipped(kind).iterdir() if _YAML_OR_TEMPLATE.search(entry.name))
    for file in sorted(overlay.iterdir()):
        if file.name in ours or file.name.startswith(".") or not _YAML_OR_TEMPLATE.search(file.name):
            continue
        if file.is_file():
            _check_read(file, kind, ours)
    return overlay


def _check_read(file: Path, kind: Kind, ours: list[str]) -> None:
    """Refuse a file that is not shipped and has no effect: neither a style nor a recipe with the file's name."""
    near = {name.casefold(): name for name in ours}
    meant = [near[match] for match in get_close_matches(file.name.casefold(), near, n=1)]
    remedy = f"did you mean {meant[0]}?" if meant else "rename it, or take it away"
    own = "a style of your own is NAME.j2"
    if kind == "detectors":
        own = "a recipe of your own is NAME.yaml with name: NAME"
        name = parse_yaml(_read(file), str(file)).get("name") if file.suffix == ".yaml" else None
        if name == file.stem:
            return
        if name is not None:
            raise GensupError(
                "the name is not the file's", where=str(file), value=name, rule=f"name: {file.stem}", remedy=remedy
            )
    elif file.suffix == ".j2":
        return
    raise GensupError(
        "a file that nothing reads",
        where=f"--{kind}",
        value=str(file),
        rule=f"known here: {', '.join(ours)}; {own}",
        remedy=remedy,
    )
