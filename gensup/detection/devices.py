"""Where networks are computed, and how many clips at a time its memory holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from gensup.errors import GensupError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def device(wanted: str | None) -> torch.device:
    """The device to compute on; of None, the best that there is.

    Raises:
        GensupError: no such device, or it is not here.
    """
    import torch

    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(wanted)
    except RuntimeError:
        raise GensupError("no such device", where="--device", value=wanted, rule="cpu, cuda, cuda:1") from None
    if found.type == "cuda" and not (torch.cuda.is_available() and (found.index or 0) < torch.cuda.device_count()):
        raise GensupError("the device is not here", where="--device", value=wanted, rule="one that torch can see")
    return found


def on_gpu(wanted: str | None) -> bool:
    """Whether that is a device of which processes would share one: GensupError as ``device``."""
    return device(wanted).type != "cpu"


def out_of_memory(error: Exception, when: str, remedy: str) -> GensupError:
    """What to raise of torch's error."""
    return GensupError(f"out of memory {when}", value=str(error).partition(".")[0], remedy=f"{remedy}, or --device cpu")


class Passes:
    """How many items a pass of a network takes: as many as are wanted, or what the device's memory was found to hold.

    What was found is known by ``key``, which says what sort of items they are: it holds for all of that sort alike.
    """

    def __init__(self) -> None:
        self._most: dict[object, int] = {}

    def run(
        self, items: Sequence[T], most: int, of: Callable[[Sequence[T]], Sequence[R]], key: object = None
    ) -> Iterator[R]:
        """What ``of`` returns, one for each item: ``most`` at a time, or half as many where memory runs out.

        Raises:
            GensupError: it runs out with one.
        """
        import torch

        begin = 0
        while begin < len(items):
            part = items[begin : begin + min(most, self._most.get(key, most))]
            found: Sequence[R] | None = None
            try:
                found = of(part)
            except torch.OutOfMemoryError as error:
                if len(part) == 1:
                    raise out_of_memory(error, "with a single clip", "precision bf16, shorter clips") from None
                self._most[key] = len(part) // 2
                logger.warning(
                    "out of memory with %d clips at a time: %d from here on, which changes numbers by rounding",
                    len(part), len(part) // 2,
                )  # fmt: skip
            if found is None:  # out of the handler, which held on to what filled the memory
                torch.cuda.empty_cache()
                continue
            yield from found
            begin += len(part)
