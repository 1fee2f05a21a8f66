"""The shipped file is what the training makes of the texts and cues beside it."""

import gzip
import json

import pytest

from leadflow_pipeline.adapters.intent_model_file import CUES_FILE, MODEL_FILE, read_model
from leadflow_pipeline.domain.inquiries.features import GROUPS
from leadflow_pipeline.training.texts import read_texts
from leadflow_pipeline.training.train import train

MOST_APART = 5  # thousandths: another processor sums in another order


@pytest.mark.timeout(600)
def test_training_gives_the_shipped_weights_again() -> None:
    """Texts or cues that were changed without `make train-intents` would be judged by a model that never saw them."""
    cues = CUES_FILE.read_text(encoding="utf-8")
    shipped_content = gzip.decompress(MODEL_FILE.read_bytes())
    content = train(read_texts("train"))
    shipped, trained = read_model(shipped_content, cues), read_model(content, cues)
    assert json.loads(content)["temperatures"] == json.loads(shipped_content)["temperatures"]
    for group in GROUPS:
        assert list(shipped.weights[group]) == list(trained.weights[group])
        for feature, (rarity, row) in shipped.weights[group].items():
            again = trained.weights[group][feature]
            assert again[0] == rarity
            assert max(abs(one - other) for one, other in zip(again[1], row, strict=True)) <= MOST_APART
