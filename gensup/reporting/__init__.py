"""The pages a person reads and listens to: they read run folders and decide nothing again."""

from gensup.reporting.index import write_index
from gensup.reporting.report import write_report

__all__ = ["write_index", "write_report"]
