"""Figures of a classifier: macro F1, confusion, how far confidence is from frequency. Plain arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


def find_accuracy(truth: Sequence[str], said: Sequence[str]) -> float:
    """The share that is right."""
    return sum(one == other for one, other in zip(truth, said, strict=True)) / len(truth)


def find_f1(truth: Sequence[str], said: Sequence[str], name: str) -> float:
    """Harmonic mean of precision and recall of one class."""
    pairs = list(zip(truth, said, strict=True))
    right = sum(one == other == name for one, other in pairs)
    involved = sum((one == name) + (other == name) for one, other in pairs)
    return 2 * right / involved if involved else 0.0


def find_macro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    """The mean of F1 over the classes that occur in the truth."""
    names = sorted(set(truth))
    return sum(find_f1(truth, said, name) for name in names) / len(names)


def count_confusion(truth: Sequence[str], said: Sequence[str], names: Sequence[str]) -> list[list[int]]:
    """One row per true class, one column per class that was said."""
    pairs = list(zip(truth, said, strict=True))
    return [[pairs.count((row, column)) for column in names] for row in names]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Texts with about the same confidence."""

    texts: int
    confidence: float  # their mean
    accuracy: float  # the share that is right


def bin_confidence(confidences: Sequence[float], right: Sequence[bool]) -> list[Bin]:
    """The texts in ten steps of confidence; steps without a text are left out."""
    bins = []
    for step in range(BINS):
        inside = [
            (confidence, each)
            for confidence, each in zip(confidences, right, strict=True)
            if min(int(confidence * BINS), BINS - 1) == step
        ]
        if inside:
            bins.append(
                Bin(
                    texts=len(inside),
                    confidence=sum(confidence for confidence, _ in inside) / len(inside),
                    accuracy=sum(each for _, each in inside) / len(inside),
                )
            )
    return bins


def find_calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: the mean distance between confidence and accuracy, weighed by texts."""
    texts = sum(each.texts for each in bins)
    return sum(each.texts * abs(each.confidence - each.accuracy) for each in bins) / texts
