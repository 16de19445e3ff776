"""Fitted back ends and normalisations as modules: a vector (dim,) in, its score in double precision out."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from torch import Tensor, nn

from gensup.detection.backends.gmm import FittedGmm
from gensup.detection.backends.k_means import FittedKMeans
from gensup.detection.backends.knn import FittedKnn
from gensup.detection.backends.local_density import FittedLocalDensity
from gensup.detection.backends.mahalanobis import FittedMahalanobis
from gensup.detection.backends.value import FittedValue
from gensup.detection.distances import Metric
from gensup.detection.normalising.domain_minimum import FittedMinimum
from gensup.detection.normalising.z_score import Scaled
from gensup.detection.parts import FittedBackend, Vectors


@singledispatch
def backend(model: FittedBackend) -> nn.Module:
    """The module that scores as ``model`` does."""
    raise TypeError(f"no graph of {type(model).__name__}")


class Nearest(nn.Module):
    """Mean distance to the ``k`` nearest of a bank."""

    def __init__(self, bank: Vectors, metric: Metric, k: int) -> None:
        super().__init__()
        self.distances, self.k = Distances(bank, metric), k

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.distances(x.double())
        return found.min() if self.k == 1 else found.topk(self.k, largest=False).values.mean()


class Distances(nn.Module):
    """(rows,) distances of a vector (dim,) to a bank (rows, dim), see ``detection.distances``."""

    bank: Tensor
    norms: Tensor

    def __init__(self, bank: Vectors, metric: Metric) -> None:
        super().__init__()
        self.metric = metric
        wide = np.asarray(bank, dtype=np.float64)
        norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        self.register_buffer("bank", torch.from_numpy(np.array(bank, dtype=np.float32)))
        self.register_buffer("norms", torch.from_numpy(np.where(norms > 0, norms, 1)))

    def forward(self, x: Tensor) -> Tensor:
        if self.metric == "euclidean":
            return (self.bank.double() - x).square().sum(dim=1).sqrt()
        cosines = self.bank.double() @ _directed(x) / self.norms
        return (1 - cosines).clamp(0, 2)


class Density(nn.Module):
    """Distance to the nearest of a bank, each divided by its spread."""

    spread: Tensor

    def __init__(self, bank: Vectors, spread: NDArray[np.float64], unit: bool) -> None:
        super().__init__()
        self.distances, self.unit = Distances(bank, "euclidean"), unit
        self.register_buffer("spread", torch.from_numpy(np.array(spread)))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.double()
        if self.unit:
            wide = _directed(wide).float().double()  # as the bank is kept
        quotients: Tensor = self.distances(wide) / self.spread
        return quotients.min()


class Gaussians(nn.Module):
    """The negative logarithm of a mixture's density, or of its best component's."""

    means: Tensor
    cholesky: Tensor
    constants: Tensor

    def __init__(self, model: FittedGmm) -> None:
        super().__init__()
        constants = np.log(np.diagonal(model.precisions_cholesky, axis1=1, axis2=2)).sum(axis=1)
        constants -= 0.5 * model.dim * np.log(2 * np.pi)
        if not model.best_component:
            constants += np.log(model.weights)
        self.best = model.best_component
        self.register_buffer("means", torch.from_numpy(np.array(model.means)))
        self.register_buffer("cholesky", torch.from_numpy(np.array(model.precisions_cholesky)))
        self.register_buffer("constants", torch.from_numpy(constants))

    def forward(self, x: Tensor) -> Tensor:
        whitened = ((x.double() - self.means)[:, None] @ self.cholesky)[:, 0]
        densities = self.constants - 0.5 * whitened.square().sum(dim=1)
        return -(densities.max() if self.best else densities.logsumexp(dim=0))


class Whitened(nn.Module):
    """Mahalanobis distance."""

    mean: Tensor
    inverse: Tensor

    def __init__(self, model: FittedMahalanobis) -> None:
        super().__init__()
        inverse = solve_triangular(model.cholesky, np.eye(model.dim), lower=True)
        self.register_buffer("mean", torch.from_numpy(np.array(model.mean)))
        self.register_buffer("inverse", torch.from_numpy(np.ascontiguousarray(inverse)))

    def forward(self, x: Tensor) -> Tensor:
        return (self.inverse @ (x.double() - self.mean)).square().sum().sqrt()


class Mean(nn.Module):
    """The vector's mean."""

    def forward(self, x: Tensor) -> Tensor:
        return x.double().mean()


class Smallest(nn.Module):
    """The smallest of several models' scores, each less its mean and divided by its scale."""

    def __init__(self, models: list[nn.Module], scales: list[tuple[float, float]]) -> None:
        super().__init__()
        self.models, self.scales = nn.ModuleList(models), scales

    def forward(self, x: Tensor) -> Tensor:
        pairs = zip(self.models, self.scales, strict=True)
        return torch.stack([(model(x) - mean) / scale for model, (mean, scale) in pairs]).min()


@backend.register
def _gmm(model: FittedGmm) -> nn.Module:
    return Gaussians(model)


@backend.register
def _knn(model: FittedKnn) -> nn.Module:
    return Nearest(model.bank, model.metric, model.k)


@backend.register
def _k_means(model: FittedKMeans) -> nn.Module:
    return Nearest(model.centres, model.metric, 1)


@backend.register
def _local_density(model: FittedLocalDensity) -> nn.Module:
    return Density(model.bank, model.spread, model.unit)


@backend.register
def _mahalanobis(model: FittedMahalanobis) -> nn.Module:
    return Whitened(model)


@backend.register
def _value(model: FittedValue) -> nn.Module:
    return Mean()


@backend.register
def _z_score(model: Scaled) -> nn.Module:
    return Smallest([backend(model.model)], [(model.mean, model.scale)])


@backend.register
def _domain_minimum(model: FittedMinimum) -> nn.Module:
    names: list[Any] = list(model.models)
    return Smallest([backend(model.models[name]) for name in names], [model.scales[name] for name in names])


def _directed(x: Tensor) -> Tensor:
    """The vector at length one; a vector of zeros stays one."""
    norm = x.square().sum().sqrt()
    return x / torch.where(norm > 0, norm, 1.0)
