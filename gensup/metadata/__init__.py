"""Names, folder trees and roles: what can be known of a recording without opening it."""

from gensup.metadata.names import format, parse  # noqa: A004 - the counterpart of parse, always used as metadata.format
from gensup.metadata.roles import Aside, Normals, first_shot, labelled
from gensup.metadata.tree import read_names, scan

__all__ = ["Aside", "Normals", "first_shot", "format", "labelled", "parse", "read_names", "scan"]
