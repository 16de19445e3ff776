"""Names, folder trees, tables and roles: what can be known of a recording without opening it."""

from gensup.metadata.join import Joined, join, tables_below
from gensup.metadata.layout import Layout, describe
from gensup.metadata.names import format, parse  # noqa: A004 - the counterpart of parse, always used as metadata.format
from gensup.metadata.patterns import Pattern, compiled, left_out
from gensup.metadata.roles import Aside, Normals, first_shot, labelled, references
from gensup.metadata.tree import read_names, scan

__all__ = [
    "Aside",
    "Joined",
    "Layout",
    "Normals",
    "Pattern",
    "compiled",
    "describe",
    "first_shot",
    "format",
    "join",
    "labelled",
    "left_out",
    "parse",
    "read_names",
    "references",
    "scan",
    "tables_below",
]
