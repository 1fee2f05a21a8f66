"""The texts are what their data card says, and the shipped model keeps its promise on those it has not seen."""

from collections.abc import Sequence

import pytest

from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.domain.inquiries.verdicts import INTENTS, SENTIMENTS, Verdict
from leadflow_pipeline.training.figures import find_macro_f1
from leadflow_pipeline.training.keyword_matcher import match_intent
from leadflow_pipeline.training.texts import Text, read_texts


@pytest.mark.parametrize(("name", "least"), [("train", 900), ("test", 350), ("traps", 60)])
def test_there_are_texts_of_every_kind_in_both_languages(name: str, least: int) -> None:
    texts = read_texts(name)
    assert len(texts) >= least
    assert {text.intent for text in texts} == set(INTENTS)
    assert {text.sentiment for text in texts} <= set(SENTIMENTS)
    assert {text.readiness for text in texts} == {0, 1, 2, 3}
    assert {text.language for text in texts} == {"en", "es"}


def test_no_text_is_held_apart_and_learned_from_at_once() -> None:
    learned = {normalize(text) for text in read_texts("train")}
    assert not learned & {normalize(text) for name in ("test", "traps") for text in read_texts(name)}


def normalize(text: Text) -> str:
    return " ".join("".join(letter for letter in text.text.lower() if letter.isalnum() or letter == " ").split())


@pytest.fixture(scope="module")
def judged() -> Sequence[tuple[Text, Verdict]]:
    return [(text, load_model().judge(text.text)) for text in read_texts("test")]


def test_intent_and_sentiment_of_unseen_texts_are_found(judged: Sequence[tuple[Text, Verdict]]) -> None:
    intents = find_macro_f1([text.intent for text, _ in judged], [verdict.intent for _, verdict in judged])
    sentiments = find_macro_f1([text.sentiment for text, _ in judged], [verdict.sentiment for _, verdict in judged])
    assert intents >= 0.80
    assert sentiments >= 0.75


def test_readiness_is_rarely_off_by_more_than_one(judged: Sequence[tuple[Text, Verdict]]) -> None:
    assert sum(abs(text.readiness - verdict.readiness) <= 1 for text, verdict in judged) >= 0.93 * len(judged)


def test_traps_of_negation_fool_the_keywords_and_not_the_model() -> None:
    traps = read_texts("traps")
    model = sum(load_model().judge(text.text).intent == text.intent for text in traps) / len(traps)
    keywords = sum(match_intent(text.text) == text.intent for text in traps) / len(traps)
    assert model - keywords >= 0.25
