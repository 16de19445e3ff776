"""One thing that is wrong with a submission."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong, where, and the rule it breaks. ``line`` is 0 where the whole file is meant."""

    path: str
    line: int
    what: str
    rule: str

    @property
    def where(self) -> str:
        """file:line, or the file."""
        return f"{self.path}:{self.line}" if self.line else self.path
