"""gensup tunes an anomalous-sound detector for a machine that nobody has ever heard break.

The commands' functions are here under their names, each loaded when it is asked for: ``gensup.tune(...)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gensup.steps.catalogue import detectors, faults
    from gensup.steps.convert import convert
    from gensup.steps.doctor import doctor
    from gensup.steps.download import download
    from gensup.steps.evaluate import evaluate
    from gensup.steps.finetune import finetune
    from gensup.steps.fit import fit
    from gensup.steps.onnx_file import check_export, export
    from gensup.steps.report import report
    from gensup.steps.scan import caption, scan
    from gensup.steps.score import score
    from gensup.steps.select import select
    from gensup.steps.submit import check_submission, submit
    from gensup.steps.synthesize import Settings, synthesize
    from gensup.steps.train import train
    from gensup.steps.tune import tune
    from gensup.steps.verify import verify

__all__ = [
    "Settings",
    "caption",
    "check_export",
    "check_submission",
    "convert",
    "detectors",
    "doctor",
    "download",
    "evaluate",
    "export",
    "faults",
    "finetune",
    "fit",
    "report",
    "scan",
    "score",
    "select",
    "submit",
    "synthesize",
    "train",
    "tune",
    "verify",
]

_MODULES = {
    "Settings": "synthesize",
    "caption": "scan",
    "check_export": "onnx_file",
    "check_submission": "submit",
    "detectors": "catalogue",
    "export": "onnx_file",
    "faults": "catalogue",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"gensup.steps.{_MODULES.get(name, name)}"), name)
    raise AttributeError(f"module 'gensup' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
