"""What every run reads of the package itself, read on import: a server of forks does it once for all of them."""

from __future__ import annotations

from gensup.captions.faults import fault_rows
from gensup.captions.prompts import attribute_rows, machine_rows

ROWS = (fault_rows(), machine_rows(), attribute_rows())
