"""Facts that an inquiry states outright, read by rules: when, how paid, how much, how many rooms, where, what else.

Only what is said and not taken back: "no pool needed" is no must-have, "not pre-approved" is no approval. A fact that
is not stated is None or empty; nothing is guessed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from leadflow_pipeline.domain.inquiries.instructions import without_instructions
from leadflow_pipeline.domain.inquiries.tokens import TEXT_LIMIT, Token, fold, read_tokens
from leadflow_pipeline.domain.money import parse_money

_LEAST_PRICE = Decimal(10_000)
_LEAST_RENT = Decimal(300)
_MOST_RENT = Decimal(30_000)
_MOST_AREAS = 5

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
_COUNTS = (
    r"(?:\d{1,2}|a|one|two|three|four|five|six|nine|ten|twelve|eighteen|un|uno|una|dos|tres|cuatro|cinco|seis|ocho)"
)
_TIMEFRAMES = re.compile(
    rf"\b(?:(?:with)?in (?:about |the next |a )?(?:{_COUNTS}(?:[ -]+(?:to|or|y|a|o)?[ -]*\d{{1,2}})?|couple of|few) "
    r"(?:days?|weeks?|months?|years?)"
    rf"|(?:en|dentro de) (?:unos |unas |los proximos )?(?:{_COUNTS}|pocos|pocas)? ?(?:dias?|semanas?|mes(?:es)?|anos?)"
    r"|(?:next|this|coming|late) (?:week|month|year|spring|summer|fall|autumn|winter)"
    r"|(?:esta|este|proxim[ao]|el otro) (?:semana|mes|ano|verano|primavera|invierno)|el ano que (?:viene|entra)"
    r"|asap|as soon as possible|right away|immediately|right now|cuanto antes|lo antes posible|de inmediato|ahora mismo"
    r"|(?:by|before|in|after|until|from|starting|since|para|antes de|en|hasta|desde) (?:the )?"
    rf"(?:early |mid |late |end of |fin de )?(?:{_MONTHS})(?: \d{{1,2}}(?:st|nd|rd|th)?)?(?: 20\d\d)?"
    r"|(?:by|before|in|para|antes de|en|hasta) (?:el )?20[2-4]\d|(?:by |before )?the end of (?:the|this) (?:month|year)"
    r"|(?:a )?fin(?:es|ales)? de(?:l)? (?:mes|ano)|some ?day|algun dia|no rush|no hurry|no hay prisa"
    r"|next move|a year or so|\d{1,2} ?(?:to|-) ?\d{1,2} months|\d{1,2}\+? months)\b"
)
_MONEY = re.compile(
    r"(?:[$€£]\s?\d[\d.,]*(?:\s?(?:k|m|mil|million|millones)\b)?|\b\d[\d.,]*\s?(?:k|grand|thousand|million|mil|millones)\b"
    r"|\b\d{1,3}(?:,\d{3})+\b)(?:\s?(?:-|to|a|y|and|hasta)\s?[$€£]?\d[\d.,]*\s?(?:k|m|mil|million)?\b)?"
    r"(?:\s?(?:/|per |a |al |por )\s?(?:mo|month|mes)\b)?",
    re.IGNORECASE,
)
# "up to 480", "max 1500": figures that a limit in front makes an amount.
_LIMITED = re.compile(
    r"\b(?:up to|under|below|max(?:imum)?|budget(?: is| of|:)?|around|hasta|maximo|máximo|presupuesto(?: de|:)?)\s+"
    r"(?:of\s+)?(?P<digits>\d{3,4})\b(?!\s*(?:sq|ft|square|months|days|%))"
    r"(?P<period>\s?(?:/|per |a |al |por )\s?(?:mo|month|mes)\b)?",
    re.IGNORECASE,
)
_OTHER_AMOUNT = re.compile(
    r"\b(?:down|deposit|earnest|saved|save|earn|make|income|salary|owe|debt|score|fees?|commission|enganche|gano|gana"
    r"|deposito|depósito|debo|ahorrad\w+|ingresos?|payment|rehab)\b",
    re.IGNORECASE,
)
_WORD_COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "un": 1, "una": 1, "uno": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6,
}  # fmt: skip
_BEDROOMS = re.compile(
    r"\b(?P<count>[1-9]|one|two|three|four|five|six|un|una|dos|tres|cuatro|cinco|seis)"
    r"(?:\s?(?:-|to|or|a|o)\s?(?:[1-9]|two|three|four|five|six))?[\s-]*\+?\s?"
    r"(?:bed(?:room)?s?|bdrms?|bds?|brs?|recamaras?|cuartos?|habitacion(?:es)?|dormitorios?)\b"
)
_AREA = re.compile(
    r"(?:\b(?i:in|near|around|close to|downtown|zona de|cerca de|por|en)(?:\s(?i:the|la|el|de la))?\s)"
    r"(?P<area>(?:(?:St|Ft|Mt)\.\s)?[A-ZÁÉÍÓÚÑ][\w'’-]+(?:\s(?:de|del|of|la|[A-ZÁÉÍÓÚÑ][\w'’-]+)){0,3})"
)
_NO_AREA = re.compile(
    rf"^(?:{_MONTHS}|monday|tuesday|wednesday|thursday|friday|saturday|sunday|spring|summer|fall|winter|christmas"
    r"|easter|i|we|my|our|the|zillow|realtor|chase|wells|usda|fha|va|mls|airbnb|whatsapp|facebook|google|escrow)\b",
    re.IGNORECASE,
)
_MUST_HAVES = {
    "pool": ("pool", "alberca", "piscina"),
    "garage": ("garage", "cochera", "garaje"),
    "yard": ("yard", "backyard", "garden", "patio", "jardin"),
    "fenced yard": ("fenced",),
    "basement": ("basement", "sotano"),
    "single story": ("single story", "one story", "ranch", "single level"),
    "pets allowed": ("dog", "dogs", "cat", "cats", "pet friendly", "mascotas", "perro", "gato"),
    "laundry": ("washer", "laundry", "lavanderia"),
    "parking": ("parking", "estacionamiento"),
    "furnished": ("furnished", "amueblado", "amueblada"),
    "good schools": ("good schools", "school district", "buenas escuelas", "distrito escolar"),
    "waterfront": ("waterfront", "near the lake", "lakefront", "beachfront", "frente al mar"),
    "home office": ("home office", "office space"),
    "accessible": ("accessible", "wheelchair", "ground floor", "first floor", "no stairs"),
    "land": ("acres", "acre"),
}


def _index_phrases() -> Mapping[str, Sequence[tuple[tuple[str, ...], str]]]:
    """Every phrase's words and what it stands for, by the first word."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, phrases in _MUST_HAVES.items():
        for words in (tuple(phrase.split()) for phrase in phrases):
            found.setdefault(words[0], []).append((words, name))
    return found


_PHRASES = _index_phrases()
_CASH = frozenset({"cash", "outright", "contado", "efectivo"})
_APPROVED = frozenset({
    "approved", "preapproved", "preapproval", "approval", "prequalified", "underwritten", "preaprobado",
    "preaprobada", "preaprobados", "aprobado", "aprobada", "precalificado", "precalificada",
})  # fmt: skip
_PROGRAMS = ("va", "fha", "usda")
_BORROWING = frozenset({"loan", "mortgage", "lender", "prestamo", "hipoteca", "prestamista"})
_QUESTION = re.compile(r"[^.!?\n]*\?")


@dataclass(frozen=True, kw_only=True)
class InquiryFacts:
    """What the text states."""

    timeframe: str | None = None  # the words that name the time, in lower case
    financing: str | None = None  # cash, approved, not_approved, va, fha, usda, needs_lender
    budget_low: Decimal | None = None  # US dollars; equals `budget_high` for one amount
    budget_high: Decimal | None = None
    budget_is_monthly: bool = False  # a rent
    bedrooms: int | None = None  # at least
    areas: tuple[str, ...] = ()
    must_haves: tuple[str, ...] = ()


def read_facts(text: str) -> InquiryFacts:
    """The facts in the first `TEXT_LIMIT` characters."""
    text = without_instructions(text[:TEXT_LIMIT])
    tokens = read_tokens(text)
    plain = fold_letters(text)
    timeframe = _TIMEFRAMES.search(plain)
    bedrooms = _BEDROOMS.search(plain)
    low, high, monthly = _budget(text)
    return InquiryFacts(
        timeframe=timeframe[0] if timeframe else None,
        financing=_financing(text, tokens),
        budget_low=low,
        budget_high=high,
        budget_is_monthly=monthly,
        bedrooms=_count(bedrooms["count"]) if bedrooms else None,
        areas=_areas(text),
        must_haves=_must_haves(tokens),
    )


def fold_letters(text: str) -> str:
    """Lower case without accents, figures as they are."""
    return fold(text, classes=False)


def _count(word: str) -> int:
    return _WORD_COUNTS.get(word) or int(word)


def _financing(text: str, tokens: Sequence[Token]) -> str | None:
    """What is said, not what is asked: "how do I get pre-approved?" needs a lender."""
    words = [token.word for token in tokens]
    stated = read_tokens(_QUESTION.sub(". ", text))
    if any(
        token.word in _CASH and not token.negated and (not after or after[0].word not in ("flow", "flows"))
        for token, *after in (stated[place : place + 2] for place in range(len(stated)))
    ):
        return "cash"
    approvals = [token for token in stated if token.word in _APPROVED]
    if approvals:
        return "not_approved" if all(token.negated for token in approvals) else "approved"
    program = next((name for name in _PROGRAMS if name in words), None)
    return program or ("needs_lender" if not _BORROWING.union(_APPROVED).isdisjoint(words) else None)


def _budget(text: str) -> tuple[Decimal | None, Decimal | None, bool]:
    for found in _MONEY.finditer(text):
        before = text[max(0, found.start() - 25) : found.start()]
        after = re.split(r"[.,;!?\n]", text[found.end() : found.end() + 14])[0]
        if _OTHER_AMOUNT.search(re.split(r"[.;!?\n]", before)[-1]) or _OTHER_AMOUNT.search(after):
            continue
        money = parse_money(f"{re.split(r'[.;!?]', before)[-1]} {found[0]}")
        if money.amount is None:
            continue
        if money.per_month or money.amount < _LEAST_PRICE:
            if money.amount >= _LEAST_RENT:
                return money.low, money.high, True
        else:
            return money.low, money.high, False
    return _limited_budget(text)


def _limited_budget(text: str) -> tuple[Decimal | None, Decimal | None, bool]:
    """`up to 480` is 480,000 dollars, `max 1500` is a rent."""
    found = _LIMITED.search(text)
    if found is None:
        return None, None, False
    amount = Decimal(found["digits"])
    if found["period"] or amount >= 1_000:
        return None, amount, True
    return None, amount * 1_000, False


def _areas(text: str) -> tuple[str, ...]:
    found = (match["area"].strip(" .") for match in _AREA.finditer(text))
    return tuple(dict.fromkeys(area for area in found if not _NO_AREA.match(area)))[:_MOST_AREAS]


def _must_haves(tokens: Sequence[Token]) -> tuple[str, ...]:
    words = [token.word for token in tokens]
    found = set()
    for position, token in enumerate(tokens):
        for phrase, name in _PHRASES.get(token.word, ()):
            if tuple(words[position : position + len(phrase)]) == phrase and not token.negated:
                found.add(name)
    return tuple(sorted(found))
