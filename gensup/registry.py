"""Kinds of which there are many: a member is a file, its name is the file's stem, and it is imported when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from gensup.errors import GensupError


@dataclass(frozen=True, slots=True)
class Registry:
    """The members of one kind: each module of ``package`` holds one class whose ``name`` is the module's (hyphens)."""

    package: str
    kind: str  # what a member is called in an error

    def names(self) -> tuple[str, ...]:
        """Names of all members, without importing one."""
        spec = find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"no package {self.package}")  # iter_modules(None) would list the whole system
        return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(spec.submodule_search_locations)))

    def check(self, name: str) -> None:
        """GensupError when no member has this name; none is imported."""
        if name not in self.names():
            raise unknown(self.kind, name, self.names())

    def load(self, name: str) -> Any:
        """The member's class.

        Raises:
            GensupError: no member has this name; the nearest names are in the message.
        """
        return _member(self, name)


@cache  # looked up for every clip that is made; what is not there is looked for again
def _member(registry: Registry, name: str) -> Any:
    if name not in registry.names():
        raise unknown(registry.kind, name, registry.names())
    module = import_module(f"{registry.package}.{name.replace('-', '_')}")
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__ and getattr(value, "name", None) == name:
            return value
    raise TypeError(f"{module.__name__} holds no class named {name!r}")


def unknown(kind: str, name: str, known: tuple[str, ...] | list[str], where: str = "") -> GensupError:
    """The error for a name that is none of the known ones."""
    plain = {other.casefold(): other for other in known}
    near = [plain[match] for match in get_close_matches(name.casefold(), plain, n=3)]
    return GensupError(
        f"unknown {kind}",
        where=where,
        value=name,
        rule=f"known: {', '.join(known) or 'none'}",
        remedy=f"did you mean {' or '.join(near)}?" if near else "",
    )
