"""The local model: a linear model over the features of a text. No library, no network, the same answer everywhere.

Weights are whole thousandths, so that sums do not depend on the order or the machine. How they come about is
`leadflow_pipeline/training/`; what the model can do is told in docs/intents.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadflow_pipeline.domain.inquiries.features import GROUPS, Cues, list_features
from leadflow_pipeline.domain.inquiries.instructions import without_instructions
from leadflow_pipeline.domain.inquiries.verdicts import INTENTS, READINESS, SENTIMENTS, Verdict, bound_readiness

SCALE = 1000
HEADS: Mapping[str, Sequence[object]] = {"intent": INTENTS, "sentiment": SENTIMENTS, "readiness": READINESS}
OUTPUTS = sum(len(classes) for classes in HEADS.values())


@dataclass(frozen=True, kw_only=True)
class LocalModel:
    """The trained weights, in thousandths, and what is needed to read them."""

    version: str  # hash of the weights and the cues
    cues: Cues
    # For each group of features: its square of rarity, and its weight for each output of the three heads in turn.
    weights: Mapping[str, Mapping[str, tuple[float, tuple[int, ...]]]]
    bias: tuple[int, ...]
    temperatures: Mapping[str, float]  # by head; divides the logits, so that confidence means frequency

    def judge(self, text: str) -> Verdict:
        """What the text says. A text without a word is said to be browsing, with no confidence at all."""
        text = without_instructions(text)
        if not any(letter.isalnum() for letter in text):
            return Verdict(
                intent="browsing", sentiment="neutral", readiness=0, confidence=0.0, model=f"local:{self.version}"
            )
        logits = self.find_logits(text)
        intent, confidence = _likeliest(logits[: len(INTENTS)], self.temperatures["intent"])
        sentiment, _ = _likeliest(logits[len(INTENTS) : len(INTENTS) + len(SENTIMENTS)], 1.0)
        readiness, _ = _likeliest(logits[-len(READINESS) :], 1.0)
        return bound_readiness(
            Verdict(
                intent=INTENTS[intent],
                sentiment=SENTIMENTS[sentiment],
                readiness=READINESS[readiness],
                confidence=round(confidence, 4),
                model=f"local:{self.version}",
            )
        )

    def find_logits(self, text: str) -> list[float]:
        """The three heads' logits, one after the other."""
        features = list_features(text, self.cues)
        logits = [each / SCALE for each in self.bias]
        for group in GROUPS:
            table = self.weights[group]
            known = [table[feature] for feature in features[group] if feature in table]
            if known:
                length = math.sqrt(math.fsum(rarity for rarity, _ in known)) * SCALE
                sums = map(sum, zip(*(row for _, row in known), strict=True))
                logits = [logit + total / length for logit, total in zip(logits, sums, strict=True)]
        return logits


def _likeliest(logits: Sequence[float], temperature: float) -> tuple[int, float]:
    """The class with the highest logit, and its probability."""
    best = max(range(len(logits)), key=logits.__getitem__)
    return best, 1 / math.fsum(math.exp((logit - logits[best]) / temperature) for logit in logits)
