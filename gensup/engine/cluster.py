"""Ray: the same function over the same items on many machines."""

from __future__ import annotations

import logging
import os
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from gensup.engine.attempt import THREADS, answered, attempt, failed, lost
from gensup.engine.done import Done
from gensup.errors import GensupError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Ray:
    """A Ray cluster, or a local one when there is no address; a worker that waits for a GPU keeps it between items.

    Every machine needs gensup and the files that items name under the same paths. A cluster that a run starts or joins
    is left when the program ends.
    """

    gpus_per_worker: float = 0
    retries: int = 2  # how often an item is tried again after its worker died
    address: str | None = None

    def __enter__(self) -> Self:
        return self  # Ray itself keeps its workers

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """See Engine.

        Raises:
            GensupError: Ray is not installed, the cluster cannot be reached, or has no GPU where one is asked for.
        """
        ray = _connect(self.address)
        places = self._places(ray)
        remote = ray.remote(
            num_cpus=1,
            num_gpus=self.gpus_per_worker,
            max_retries=self.retries,
            max_calls=0,
            runtime_env={"env_vars": THREADS},
        )(attempt)
        todo = deque(range(len(items)))
        flying: dict[Any, int] = {}
        try:
            while todo or flying:
                done: list[Done[R]] = []
                while todo and len(flying) < 2 * places:
                    index = todo.popleft()
                    try:
                        # Ray's own pickler also takes what workers cannot import: a notebook's functions.
                        payload = ray.cloudpickle.dumps((task, items[index]))
                    except Exception as error:
                        done.append(failed(index, error, traceback.format_exc()))
                    else:
                        flying[remote.remote(payload)] = index
                yield from done
                if flying:
                    ready, _ = ray.wait(list(flying), num_returns=1)
                    yield self._done(ray, ready[0], flying.pop(ready[0]))
        finally:
            for reference in flying:
                ray.cancel(reference, force=True)

    def _done(self, ray: Any, reference: Any, index: int) -> Done[Any]:
        try:
            return answered(index, ray.get(reference))
        except ray.exceptions.RayTaskError as error:  # gensup itself cannot be imported there, for one
            return failed(index, f"{type(error.cause).__name__}: {error.cause}", str(error))
        except ray.exceptions.RayError as error:
            return lost(index, self.retries + 1, type(error).__name__)

    def _places(self, ray: Any) -> int:
        resources = ray.cluster_resources()
        if not self.gpus_per_worker:
            return max(1, int(resources.get("CPU", 1)))
        places = int(resources.get("GPU", 0) / self.gpus_per_worker)
        if places < 1:
            raise GensupError(
                "not enough GPUs in the cluster",
                where="ray",
                value=resources.get("GPU", 0),
                rule=f"{self.gpus_per_worker} for each worker",
                remedy="join machines with GPUs, or ask for fewer",
            )
        return places


def _connect(address: str | None) -> Any:
    try:
        import ray
    except ImportError as error:
        raise GensupError("Ray is not installed", value=str(error), remedy="pip install 'gensup[ray]'") from None
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a run on private recordings reports to nobody
        try:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            raise GensupError(
                "the Ray cluster cannot be joined",
                where=address or "ray",
                value=str(error),
                remedy="see that it runs (`ray status`), or leave out its address",
            ) from error
    return ray
