"""The page a person reads and listens to: it reads a run folder and decides nothing again."""

from gensup.reporting.report import write_report

__all__ = ["write_report"]
