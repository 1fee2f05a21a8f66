"""Which language a message is written in, as far as it matters for who answers: English, Spanish, or not known.

By words that only one of the two uses; a few words decide nothing, and an address or a name decides nothing.
"""

import re

_WORD = re.compile(r"[a-záéíóúñü]+")
_LEAST_HITS = 2
_ENGLISH = """
    the and is am are was were would like looking house home please call interested in my we our with for have this that
    you your can could how much want need see what when
"""
_SPANISH = """
    el la los las una uno es soy estoy estamos quiero quisiera busco buscamos casa hogar favor llamar llame interesado
    interesada me mi nos nuestra nuestro con para tengo esta este usted puede cuánto cuanto gracias hola necesito ver
    comprar vender cuando qué que por del en somos
"""
_WORDS = {"en": frozenset(_ENGLISH.split()), "es": frozenset(_SPANISH.split())}


def guess_language(message: str | None) -> str | None:
    """`en` or `es` (ISO 639-1); None when the message is too short or could be either."""
    words = _WORD.findall((message or "")[:5_000].lower())
    hits = {language: sum(word in own for word in words) for language, own in _WORDS.items()}
    best, other = sorted(hits, key=lambda language: hits[language], reverse=True)
    return best if hits[best] >= _LEAST_HITS and hits[best] > 2 * hits[other] else None
