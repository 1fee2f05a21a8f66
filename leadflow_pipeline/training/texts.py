"""The hand-written texts with their labels; what they are and how they were labelled tells their data card."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "inquiries"


@dataclass(frozen=True, kw_only=True)
class Text:
    """One text as a person labelled it."""

    intent: str
    sentiment: str
    readiness: int
    language: str
    text: str


def read_texts(name: str) -> list[Text]:
    """The texts of `train`, `test` or `traps`."""
    lines = (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    texts = []
    for line in lines:
        intent, sentiment, readiness, language, text = line.split("\t")
        texts.append(
            Text(
                intent=intent,
                sentiment=sentiment,
                readiness=int(readiness),
                language=language,
                text=text.replace("\\n", "\n"),
            )
        )
    return texts
