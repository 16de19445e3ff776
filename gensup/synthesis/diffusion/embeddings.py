"""What the UNet is told of captions, on disk: every distinct one is embedded once, by one process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gensup.captions.tokens import Limit, checked
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.store import atomic
from gensup.synthesis.records import Order

if TYPE_CHECKING:
    from torch import Tensor

    from gensup.synthesis.diffusion.family import Embedding

VERSION = 1  # raise it when the file's layout changes


def given_captions(orders: Sequence[Order], limits: Sequence[Limit], *, truncate: bool) -> dict[str, str]:
    """Every distinct caption of the orders, and "", each with what an encoder is given for it.

    Raises:
        GensupError: a caption is over a limit and may not be cut, or the two captions of an order are the same text
            once they are cut.
    """
    given = checked(("", *(caption for order in orders for caption in order.captions)), limits, truncate=truncate)
    for order in orders:
        normal, anomaly = order.captions
        if normal != anomaly and given[normal] == given[anomaly]:
            raise GensupError(
                "cut to the limit, a normal caption and its anomaly are the same",
                where=f"order {order.id}",
                value=given[anomaly],
                rule="twins differ by their captions",
                remedy="shorten the template, so that the fault is within the limit",
            )
    return given


def file_name(captions: Mapping[str, str], revision: str) -> str:
    """The file of these captions (see ``given_captions``) by the encoders of that revision."""
    return f"embeddings-{digest('embeddings', VERSION, dict(captions), revision)}.safetensors"


class Embeddings:
    """Embeddings by caption, read from a memory-mapped file when they are asked for.

    Raises:
        GensupError: no such file, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        self.path = path
        try:
            file: Any = safe_open(str(path), framework="pt", device="cpu")
            said = json.loads(file.metadata()["gensup"])
            self._places: dict[str, int] = dict(said["captions"])
            self._sum = str(said["sha256"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, f"{type(error).__name__}: {error}") from None
        self._file, self._names = file, cast("dict[int, list[str]]", {})
        for key in sorted(file.keys()):
            place, _, name = key.partition("/")
            self._names.setdefault(int(place), []).append(name)

    def __getitem__(self, caption: str) -> Embedding:
        """Tensors on the CPU, float32 or integers, each with a first axis of length 1.

        Raises:
            GensupError: this caption was not embedded.
        """
        if caption not in self._places:
            raise GensupError("a caption without an embedding", where=str(self.path), value=caption, remedy=_AGAIN)
        place = self._places[caption]
        return {name: self._file.get_tensor(f"{place}/{name}") for name in self._names[place]}

    def verified(self) -> Embeddings:
        """Itself, once every byte has been read and is what was written; GensupError when one is not."""
        keys = (f"{place}/{name}" for place, names in self._names.items() for name in names)
        if _sum({key: self._file.get_tensor(key) for key in keys}) != self._sum:
            raise _damaged(self.path, "its bytes are not those that were written")
        return self


def write(path: Path, captions: Mapping[str, str], embedded: Sequence[Embedding]) -> None:
    """Write the embeddings of the distinct values of ``captions``, in their order; whole or not at all."""
    from safetensors.torch import save

    places = {given: place for place, given in enumerate(distinct(captions))}
    tensors = {
        f"{place}/{name}": tensor.detach().cpu().contiguous()
        for place, embedding in enumerate(embedded)
        for name, tensor in embedding.items()
    }
    said = {"captions": {caption: places[given] for caption, given in captions.items()}, "sha256": _sum(tensors)}
    data = save(tensors, metadata={"gensup": json.dumps(said, sort_keys=True)})
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def distinct(captions: Mapping[str, str]) -> tuple[str, ...]:
    """What encoders are given, each once."""
    return tuple(dict.fromkeys(captions.values()))


_AGAIN = "run the same command again: captions are embedded when a set is begun"


def _sum(tensors: Mapping[str, Tensor]) -> str:
    import torch

    whole = sha256()
    for key in sorted(tensors):
        tensor = tensors[key]
        whole.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        whole.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def _damaged(path: Path, value: str) -> GensupError:
    return GensupError("embeddings that cannot be read", where=str(path), value=value, remedy=_AGAIN)
