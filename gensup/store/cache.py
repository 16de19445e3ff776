"""Arrays that are slow to make again, kept under a name that says all they depend on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gensup.rng import digest
from gensup.store.files import write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gensup.clip import Json

    Arrays: TypeAlias = dict[str, NDArray[np.generic]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ArrayCache:
    """Content-addressed arrays as safetensors. Two writers of one key write the same bytes, so they need no lock."""

    folder: Path

    def get(
        self,
        part: str,
        version: int,
        params: Mapping[str, Json],
        inputs: Sequence[str],
        make: Callable[[], Arrays],
    ) -> Arrays:
        """The arrays that ``make`` returns, from disk where they have been made before.

        Warm and cold give the same arrays down to their layout (C order, native bytes, sorted names): linear algebra
        rounds differently on another layout.

        Args:
            part: what makes them (a frontend's name).
            version: its integer version; raise it when the numbers change.
            params: its parameters, and the fingerprint of its weights.
            inputs: SHA-256 of the decoded audio of each input, in order.
            make: makes them; called when they are not there or damaged, which is said as a warning.

        Raises:
            GensupError: the cache folder cannot be written.
        """
        path = self.path(part, version, params, inputs)
        try:
            return _load(path)
        except FileNotFoundError:
            pass
        except Exception as error:  # whatever is wrong with a cached file, it can be made again
            logger.warning("%s: damaged cache entry, made again (%s)", path, error)
        arrays = _canonical(make())
        write_bytes(path, _dump(arrays))
        return arrays

    def path(self, part: str, version: int, params: Mapping[str, Json], inputs: Sequence[str]) -> Path:
        """Where the arrays of this key stand, made or not."""
        key = digest(part, version, dict(params), list(inputs))
        return self.folder / key[:2] / f"{key}.safetensors"


def _canonical(arrays: Arrays) -> Arrays:
    import numpy as np

    # A copy, so that what a caller does to the result never reaches an array that `make` keeps.
    return {name: np.array(a, dtype=a.dtype.newbyteorder("="), order="C") for name, a in sorted(arrays.items())}


def _dump(arrays: Arrays) -> bytes:
    from safetensors.numpy import save

    # One entry only: safetensors writes several in an order of its own, which would change the bytes.
    return save(arrays, metadata={"blake2b": _checksum(arrays)})


def _load(path: Path) -> Arrays:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        arrays: Arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        stored = (file.metadata() or {}).get("blake2b")
    if stored != _checksum(arrays):  # safetensors checks a file's shape, not its bytes
        raise ValueError("its bytes are not those that were written")
    return arrays


def _checksum(arrays: Arrays) -> str:
    summary = blake2b(digest_size=16)
    for name, array in sorted(arrays.items()):
        summary.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        summary.update(array.reshape(-1).data)
    return summary.hexdigest()
