"""One item in a worker: pickled by hand on both ways, so that what cannot travel costs one item and no worker."""

from __future__ import annotations

import logging
import os
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gensup.engine.done import Done
from gensup.errors import GensupError

logger = logging.getLogger(__name__)

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def attempt(payload: bytes) -> bytes:
    """Run the pickled (task, item); the pickled (value, error, traceback). Runs in the worker."""
    try:
        task, item = pickle.loads(payload)
        return pickle.dumps((task(item), None, ""), pickle.HIGHEST_PROTOCOL)
    except GensupError as problem:
        return pickle.dumps((None, problem, traceback.format_exc()))
    except (Exception, SystemExit) as error:
        return pickle.dumps((None, _say(error), traceback.format_exc()))


def answered(index: int, answer: bytes) -> Done[Any]:
    """The Done of what ``attempt`` sent back."""
    try:
        value, error, trace = pickle.loads(answer)
    except Exception as unreadable:
        return failed(index, unreadable, traceback.format_exc())
    return Done(index, value) if error is None else failed(index, error, trace)


def failed(index: int, error: Exception | str, trace: str) -> Done[Any]:
    """The Done of an item that raised; where in the code it did goes to the debug log."""
    logger.debug("item %d failed\n%s", index, trace)
    if isinstance(error, GensupError):
        return Done(index, error=str(error), problem=error)
    return Done(index, error=error if isinstance(error, str) else _say(error))


WHY = (
    "killed, or out of memory; in a script of your own, call gensup under `if __name__ == '__main__':`, because every "
    "worker runs the script's top level"
)


def lost(index: int, times: int, why: str = WHY) -> Done[Any]:
    """The Done of an item that cost each worker it was given to its life."""
    often = "when" if times == 1 else f"each of the {times} times"
    return Done(index, error=f"its worker died {often} it was tried ({why})")


@contextmanager
def single_threaded() -> Iterator[None]:
    """One thread for linear algebra: by hand in libraries that are loaded, in the environment for those to come."""
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(THREADS)
    try:
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
