"""Metrics: scores of predictions, reported next to the loss."""

from lamella.losses.metrics.base import Metric
from lamella.losses.metrics.binary import BinaryAccuracy, SubsetAccuracy
from lamella.losses.metrics.classification import Accuracy, TopK
from lamella.losses.metrics.lookup import (
    METRICS,
    fitting_metrics,
    get_metrics,
    is_higher_better,
    metric_named,
)
from lamella.losses.metrics.regression import MAE, R2, RMSE

__all__ = [
    "MAE", "METRICS", "R2", "RMSE", "Accuracy", "BinaryAccuracy", "Metric", "SubsetAccuracy",
    "TopK", "fitting_metrics", "get_metrics", "is_higher_better", "metric_named",
]  # fmt: skip
