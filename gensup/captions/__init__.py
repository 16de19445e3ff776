"""What a recording sounds like, in words: prompts/ holds what is said, this room puts it together."""

from gensup.captions.faults import FaultRow, fault_rows, faults_for
from gensup.captions.render import caption
from gensup.captions.rows import CaptionRow, CountedRow, caption_rows, counted_rows

__all__ = [
    "CaptionRow",
    "CountedRow",
    "FaultRow",
    "caption",
    "caption_rows",
    "counted_rows",
    "fault_rows",
    "faults_for",
]
