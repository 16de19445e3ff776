"""Which detectors have a graph, asked before anything is computed."""

from __future__ import annotations

from typing import Any

from gensup.detection.chain import ChainDetector
from gensup.detection.fusion import Member
from gensup.errors import GensupError

KNOWN: dict[str, tuple[str, ...]] = {
    "frontend": (
        "ast", "autoencoder", "beats", "beats-lora", "hubert", "log-mel", "seresnet", "ssl4asd", "wav2vec2", "wavlm",
    ),
    "pooling": ("gem", "gwrp", "max", "mean", "rdp", "rdp-gem"),
    "backend": ("gmm", "k-means", "knn", "local-density", "mahalanobis", "value"),
    "normalise": ("domain-minimum", "z-score"),
}  # fmt: skip
"""The parts with a graph; what a recipe has in ``resample`` is over when the detector is fitted."""

REMEDY = "score with `gensup score`, or export a detector of other parts"


def check(detector: Member) -> None:
    """Whether a graph can say what the detector does.

    Raises:
        GensupError: a part without a graph, a network in another precision than single, or scores that depend on the
            clips that are scored together.
    """
    if detector.transductive:
        raise GensupError(
            "this detector cannot be exported",
            value=detector.description,
            rule="a clip's score depends on the clips that it is scored with, and a graph hears one",
            remedy="score with `gensup score`",
        )
    for chain in [detector] if isinstance(detector, ChainDetector) else detector.chains():
        for slot, known in KNOWN.items():
            kind = chain.params.get(f"{slot}.kind")
            if kind is not None and kind not in known:
                raise _without(f"{slot}.kind", kind, f"{slot} with a graph: {', '.join(known)}")
        precision = chain.params.get("frontend.precision", "fp32")
        if precision != "fp32":
            raise _without("frontend.precision", precision, "fp32")


def _without(where: str, value: Any, rule: str) -> GensupError:
    return GensupError("this detector cannot be exported", where=where, value=value, rule=rule, remedy=REMEDY)
