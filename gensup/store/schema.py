"""The number that every record carries, so that an older gensup never misreads what a newer one wrote."""

from __future__ import annotations

from functools import cache

from gensup.errors import GensupError

SCHEMA = 1
"""Raise it when a record's meaning changes; adding a field is no such change."""


@cache
def version() -> str:
    """This gensup's version; ``0+unknown`` where it is used from a source tree without being installed."""
    from importlib import metadata

    try:
        return metadata.version("gensup")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def check_schema(found: object, where: str, writer: object = None) -> None:
    """Refuse a record that this gensup cannot read.

    Args:
        found: the record's schema number as read.
        where: the file, for the message.
        writer: the version of gensup that the record says wrote it.

    Raises:
        GensupError: no schema number, or one from the future.
    """
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise GensupError(
            "no schema number",
            where=where,
            value=found,
            rule="a record of gensup carries one",
            remedy="check the path",
        )
    if found > SCHEMA:
        wanted = f"'gensup>={writer}'" if isinstance(writer, str) and writer[:1].isdigit() else "--upgrade gensup"
        raise GensupError(
            "written by a newer gensup",
            where=where,
            value=f"schema {found}",
            rule=f"this one ({version()}) reads up to schema {SCHEMA}",
            remedy=f"pip install {wanted}",
        )
