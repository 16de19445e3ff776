"""Processes that begin with everything loaded: torch, diffusers and transformers cost ten seconds a process."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess

# Forked from a server that has loaded everything, has read the prompts and computed nothing: a fork starts at once, and
# no thread of linear algebra is lost on the way.
FORKS = get_context("forkserver")
PRELOAD = [
    *("gensup.steps.tune", "gensup.reporting.page", "tests.support.killing", "tests.support.warm"),
    *("optuna", "scipy.signal", "ruamel.yaml", "safetensors.numpy", "pydantic.dataclasses"),
]


def begun(function: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """A child that calls ``function``, which it imports by its name."""
    FORKS.set_forkserver_preload(PRELOAD)
    process = FORKS.Process(target=function, args=arguments)
    process.start()
    return process


def status(function: Callable[..., object], *arguments: object) -> int:
    """How such a child ends: 0, or less the number of the signal that killed it."""
    child = begun(function, *arguments)
    child.join()
    assert child.exitcode is not None
    return child.exitcode
