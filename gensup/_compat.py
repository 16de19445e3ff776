"""The one place that knows how other people's packages are broken."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal, NoReturn

_EXTENSION = "torchaudio._extension"


def ensure_torchaudio() -> Literal["native", "pure-python", "absent"]:
    """Make ``import torchaudio`` work where its compiled part does not fit the installed torch.

    The wheels of torchaudio 2.11, the last of its line, want a CUDA build of torch, and exactly CUDA 13.0. Beside any
    other torch the import fails, and with it every model of transformers and diffusers, which import torchaudio when
    it is there. The compiled part holds nothing that gensup uses (forced alignment, RNN-T), so it is replaced by a
    module that says it is missing. Call this before the first import of transformers or diffusers; calling it again
    changes nothing.

    Returns:
        "native", "pure-python" (the compiled part is left out), or "absent" (no torchaudio, which is no error).
    """
    if "torchaudio" not in sys.modules:
        if find_spec("torchaudio") is None:
            return "absent"
        try:
            importlib.import_module("torchaudio")
        except (OSError, RuntimeError):  # a library that is not there; another CUDA version
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
                del sys.modules[name]
            sys.modules[_EXTENSION] = _stub()
            importlib.import_module("torchaudio")
    return "pure-python" if getattr(sys.modules[_EXTENSION], "__file__", None) is None else "native"


def _stub() -> ModuleType:
    stub: Any = ModuleType(_EXTENSION, "Says that torchaudio's compiled part is not there.")
    stub._IS_TORCHAUDIO_EXT_AVAILABLE = False
    stub._IS_ALIGN_AVAILABLE = False
    stub._check_cuda_version = lambda: None
    stub.fail_if_no_align = _refuse
    module: ModuleType = stub
    return module


def _refuse(function: object) -> object:
    """Decorates what needs the compiled part: calling it says so."""

    def refused(*_: object, **__: object) -> NoReturn:
        raise RuntimeError(f"{getattr(function, '__name__', function)} needs torchaudio's compiled part")

    return refused
