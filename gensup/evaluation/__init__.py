"""Real labels: how good a finished choice is. Nothing here fits or chooses, and nothing that does comes here."""

from gensup.evaluation.figures import Count, Figures, Labels
from gensup.evaluation.oracle import Oracle, Row, evaluate

__all__ = ["Count", "Figures", "Labels", "Oracle", "Row", "evaluate"]
