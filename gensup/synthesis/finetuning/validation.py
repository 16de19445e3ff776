"""How good a training is, on what it never sees: a loss that does not jump about; whether severities can be heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from gensup.metrics import auc
from gensup.rng import seed
from gensup.synthesis.diffusion.front_end import log_mel
from gensup.synthesis.diffusion.loop import Condition, denoise
from gensup.synthesis.diffusion.schedules import Schedule
from gensup.synthesis.finetuning.latents import LatentCache
from gensup.synthesis.finetuning.noising import Part, Predict, losses
from gensup.synthesis.finetuning.objective import Objective
from gensup.training.team import Team

if TYPE_CHECKING:
    from gensup.synthesis.diffusion.family import Embedding, Family

TIMESTEPS = 10  # evenly over the training's
ROWS = 16  # clips a UNet call
FOLDS = 5
PAIRS = 32
SEVERITY = 4.0  # the ladder's last rung, told from w = 0
GUIDANCE = 2.5


class HeldOutLoss:
    """The mean loss of held-out clips at fixed timesteps under fixed noise, without min-SNR: a number that two
    validations differ in by their weights alone.

    Args:
        sets: what is held out: a name, and indices of the clips of ``latents``.
        captions: of each clip of ``latents``; their embeddings are in ``embeddings``.
    """

    def __init__(
        self,
        sets: Mapping[str, Sequence[int]],
        captions: Sequence[str],
        latents: LatentCache,
        family: Family,
        embeddings: Mapping[str, Embedding],
        objective: Objective,
        team: Team,
        predict: Predict | None = None,
    ) -> None:
        self.sets = {name: tuple(indices) for name, indices in sets.items() if indices}
        self.captions, self.latents, self.family, self.embeddings = captions, latents, family, embeddings
        self.objective, self.team, self.predict = objective, team, predict or family.denoise

    def __call__(self) -> dict[str, float]:
        """The mean over clips and timesteps of each set."""
        return {name: self._loss(indices) for name, indices in self.sets.items()}

    @torch.no_grad()
    def _loss(self, indices: Sequence[int]) -> float:
        total = torch.zeros((), dtype=torch.float64)
        mine = [indices[place] for part in self.team.share(len(indices)) for place in part]
        for rows in _chunks(mine):
            part = self._part(rows)
            for number in range(TIMESTEPS):
                noise = torch.stack([self._noise(row, number, part.latents.shape[1:]) for row in rows])
                timestep = torch.full((len(rows),), int((number + 0.5) / TIMESTEPS * self.objective.timesteps))
                found = losses(self.predict, self.objective, self.team, part, noise, timestep, weighted=False)
                total += found.double().sum().cpu()
        return float(self.team.sum(total)) / len(indices) / TIMESTEPS

    def _part(self, rows: Sequence[int]) -> Part:
        found = [self.latents.get(row) for row in rows]
        scaled = torch.stack([latent.mean for latent in found]) * self.latents.grid.scaling
        stacked = self.family.stack([self.embeddings[self.captions[row]] for row in rows])
        return Part(scaled, torch.stack([latent.mask for latent in found]), stacked)

    def _noise(self, row: int, number: int, shape: Sequence[int]) -> torch.Tensor:
        draw = torch.Generator().manual_seed(seed("validation", self.latents.clips[row].key, number))
        return torch.randn(tuple(shape), generator=draw)


def condition_auc(
    family: Family,
    pairs: Sequence[tuple[str, str]],
    embeddings: Mapping[str, Embedding],
    *,
    seconds: float,
    count: int = PAIRS,
    schedule: Schedule | None = None,
    guidance: float = GUIDANCE,
    seed_: int = 0,
    rows: int = 8,
) -> float | None:
    """Can the ends of the severity ladder be told apart by ear? AUC of generated clips at w = 0 against w = 4.

    Twins of one seed are held out together, so that nothing is told by knowing the noise. None where a clip is not
    finite: then nothing can be said.

    Args:
        pairs: normal and anomaly captions, taken in turn; their embeddings, and that of "", are in ``embeddings``.
        count: of twins; each a normal clip and an anomaly of one seed.
    """
    empty = embeddings[""]
    conditions = [
        Condition(empty, *(embeddings[caption] for caption in pairs[place % len(pairs)])) for place in range(count)
    ]
    summaries: list[NDArray[np.float32]] = []
    schedule = schedule or Schedule()
    for places in _chunks(list(range(count)), rows):
        twice = [place for place in places for _ in range(2)]
        made = denoise(
            family,
            family.grid.latent(seconds),
            [seed("condition", seed_, place) for place in twice],
            [conditions[place] for place in twice],
            schedule,
            guidance=guidance,
            weights=[0.0, SEVERITY] * len(places),
            rows=rows,
        )
        if not all(made.finite):
            return None
        summaries.append(summarised(family, made.latents))
    return told_apart(np.concatenate(summaries), np.tile([False, True], count), np.repeat(np.arange(count), 2))


@torch.no_grad()
def summarised(family: Family, latents: torch.Tensor) -> NDArray[np.float32]:
    """(rows, 2 bands): mean and maximum over time of the log-mel spectrogram of what latents decode to."""
    mel = log_mel(family.decode(latents), family.grid)[:, 0]
    return np.asarray(torch.cat([mel.mean(dim=1), mel.amax(dim=1)], dim=1).float().cpu().numpy())


def told_apart(vectors: NDArray[np.float32], anomalous: NDArray[np.bool_], group: NDArray[np.integer]) -> float:
    """AUC of a logistic regression on standardised vectors, cross-validated by group.

    Args:
        vectors: (clips, dim); anomalous: (clips,); group: (clips,) what is held out together.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores = np.empty(len(anomalous))
    for fitted, held_out in StratifiedGroupKFold(min(FOLDS, len(np.unique(group)))).split(vectors, anomalous, group):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        model.fit(vectors[fitted], anomalous[fitted])
        scores[held_out] = model.decision_function(vectors[held_out])
    return float(auc(scores[~anomalous], scores[anomalous]))


def _chunks(rows: Sequence[int], size: int = ROWS) -> list[Sequence[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
