"""`make train-intents`: trains the local model from train.tsv alone and writes its file.

The same machine and libraries give the same bytes; another processor may round a weight to the next thousandth.
"""

import gzip
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from leadflow_pipeline.adapters.intent_model_file import CUES_FILE, MODEL_FILE, read_model, write_model
from leadflow_pipeline.domain.inquiries.features import GROUPS, list_features, read_cues
from leadflow_pipeline.domain.inquiries.local_model import HEADS, SCALE
from leadflow_pipeline.training.linear import Features, build_vocabulary, fit_head
from leadflow_pipeline.training.texts import Text, read_texts

FOLDS = 5
SEED = 7


def main() -> int:
    """Train, write, and say what was written."""
    content = train(read_texts("train"))
    MODEL_FILE.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    model = read_model(content, CUES_FILE.read_text(encoding="utf-8"))
    sys.stdout.write(f"{MODEL_FILE.name}: version {model.version}, {MODEL_FILE.stat().st_size // 1024} KiB\n")
    return 0


def train(texts: Sequence[Text]) -> bytes:
    """The content of the model's file."""
    cues = read_cues(CUES_FILE.read_text(encoding="utf-8").splitlines())
    features = [list_features(each.text, cues) for each in texts]
    vocabulary = build_vocabulary(features, GROUPS)
    matrix = vocabulary.transform(features)
    weights, bias = [], []
    for name, classes in HEADS.items():
        head = fit_head(matrix, [getattr(each, name) for each in texts], balanced=name == "sentiment")
        order = [list(head.classes_).index(each) for each in classes]
        weights.append(head.coef_[order])
        bias.append(head.intercept_[order])
    stacked = np.vstack(weights)
    groups, start = {}, 0
    for group in GROUPS:
        rarities = vocabulary.rarities[group]
        part = stacked[:, start : start + len(rarities)] * rarities
        rows = np.rint(part.T * SCALE).astype(int).tolist()
        groups[group] = (list(vocabulary.columns[group]), [round(each**2, 6) for each in rarities.tolist()], rows)
        start += len(rarities)
    temperature = find_temperature(*predict_folds(features, [each.intent for each in texts]))
    return write_model(groups, np.rint(np.concatenate(bias) * SCALE).astype(int).tolist(), {"intent": temperature})


def predict_folds(
    features: Sequence[Features], labels: Sequence[str], *, groups: Sequence[str] = GROUPS, balanced: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits for each text from a model that has not seen it, and the index of its true class."""
    classes = sorted(set(labels))
    truth = np.array([classes.index(each) for each in labels])
    logits = np.zeros((len(labels), len(classes)))
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(truth, truth):
        vocabulary = build_vocabulary([features[each] for each in seen], groups)
        head = fit_head(
            vocabulary.transform([features[each] for each in seen]), truth[seen].tolist(), balanced=balanced
        )
        logits[unseen] = head.decision_function(vocabulary.transform([features[each] for each in unseen]))
    return logits, truth


def find_temperature(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The divisor of the logits under which unseen labels are likeliest."""

    def surprise(temperature: float) -> float:
        scaled = logits / temperature
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((total - scaled[np.arange(len(truth)), truth]).mean())

    return min((round(0.3 + 0.02 * step, 2) for step in range(100)), key=surprise)


if __name__ == "__main__":
    sys.exit(main())
