"""What a team hands in to the challenge: score files, meta yaml and zip, as each year's rules name them."""

from gensup.evaluation.submission.check import Checked, check
from gensup.evaluation.submission.listing import Listing, TestClip, listing
from gensup.evaluation.submission.meta import System, document, kept, label_of, merged, team_of, written
from gensup.evaluation.submission.package import read_tree, write_package, write_system
from gensup.evaluation.submission.problem import Problem
from gensup.evaluation.submission.rows import rows_text
from gensup.evaluation.submission.rules import Rules, Table, rules_of

__all__ = [
    "Checked",
    "Listing",
    "Problem",
    "Rules",
    "System",
    "Table",
    "TestClip",
    "check",
    "document",
    "kept",
    "label_of",
    "listing",
    "merged",
    "read_tree",
    "rows_text",
    "rules_of",
    "team_of",
    "write_package",
    "write_system",
    "written",
]
