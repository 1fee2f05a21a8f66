"""Fits the linear model: features weighed by rarity and scaled to length one in each group, three logistic heads.

Used for the model that is shipped and, with fewer groups of features, for what it is compared with.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

Features = Mapping[str, frozenset[str]]

STRENGTH = 10.0  # inverse of the regularization; 5 and 20 score the same within a point on the folds
# Rarer features are noise that only makes the file larger.
LEAST_TEXTS = {"word": 2, "part": 3, "cue": 1}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The features of each group in order, with their rarities."""

    groups: Sequence[str]
    columns: Mapping[str, Mapping[str, int]]
    rarities: Mapping[str, NDArray[np.float64]]

    def transform(self, texts: Sequence[Features]) -> sparse.csr_matrix:
        """One row per text."""
        return sparse.hstack([self._transform(group, texts) for group in self.groups]).tocsr()

    def _transform(self, group: str, texts: Sequence[Features]) -> sparse.csr_matrix:
        columns, rarities = self.columns[group], self.rarities[group]
        data: list[float] = []
        indices: list[int] = []
        ends = [0]
        for text in texts:
            known = sorted(columns[feature] for feature in text[group] if feature in columns)
            values = rarities[known]
            data.extend(values / math.sqrt(float((values**2).sum()) or 1.0))
            indices.extend(known)
            ends.append(len(indices))
        return sparse.csr_matrix((data, indices, ends), shape=(len(texts), len(columns)))


def build_vocabulary(texts: Sequence[Features], groups: Sequence[str]) -> Vocabulary:
    """The features that enough texts have. Cues are few and all count the same."""
    columns, rarities = {}, {}
    for group in groups:
        counts = Counter(feature for text in texts for feature in text[group])
        kept = sorted(feature for feature, count in counts.items() if count >= LEAST_TEXTS[group])
        columns[group] = {feature: column for column, feature in enumerate(kept)}
        rarities[group] = np.array(
            [1.0 if group == "cue" else round(math.log((1 + len(texts)) / (1 + counts[each])) + 1, 4) for each in kept]
        )
    return Vocabulary(groups=groups, columns=columns, rarities=rarities)


def fit_head(matrix: sparse.csr_matrix, labels: Sequence[object], *, balanced: bool) -> LogisticRegression:
    """One head. `balanced` weighs classes by their rarity: nearly every inquiry is neutral."""
    head = LogisticRegression(C=STRENGTH, max_iter=500, tol=1e-6, class_weight="balanced" if balanced else None)
    return head.fit(matrix, np.array(labels))
