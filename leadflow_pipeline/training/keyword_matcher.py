"""What the model is held against: keywords in a fixed order, the first list with a hit names the intent.

Written as one would write it with care for English and Spanish, and without looking at negation.
"""

import re

_KEYWORDS = {
    "not_a_lead": "unsubscribe|seo|stop calling|stop texting|remove me|wrong number|invoice|hiring|resume|our services|"
    "we offer|dejen de|numero equivocado|número equivocado|ofrecemos",
    "tour_request": "tour|showing|open house|see the house|see it|view|viewing|visit|walk through|appointment|"
    "recorrido|visita|visitar|ver la casa|verla|cita",
    "invest": "investor|investors|invest|investment|cap rate|cash flow|flip|1031|portfolio|multifamily|inversion|"
    "inversión|invertir|inversionista",
    "sell": "sell|selling|list my|list our|home worth|what is my|valuation|commission|vender|vendo|en venta",
    "rent": "rent|rental|lease|apartment|renta|rentar|alquiler|alquilar",
    "buy_later": "next year|in a year|not ready|saving|someday|years|próximo año|el año que viene|ahorrando",
    "buy_now": "pre-approved|preapproved|cash buyer|cash|offer|ready to buy|buy now|asap|oferta|contado|efectivo|"
    "preaprobado|preaprobada|comprar|buy|purchase",
    "financing": "mortgage|loan|lender|financing|credit|fha|down payment|rate|hipoteca|préstamo|prestamo|crédito|"
    "enganche",
}
_PATTERNS = {intent: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for intent, words in _KEYWORDS.items()}
_GLAD = re.compile(r"\b(?:love|beautiful|great|amazing|perfect|excited|encanta|hermosa|gracias)\b", re.IGNORECASE)
_CROSS = re.compile(r"\b(?:stop|tired|terrible|nobody|frustrated|bad|nadie|harto|mal)\b", re.IGNORECASE)


def match_intent(text: str) -> str:
    """The first intent with a keyword in the text, else browsing."""
    return next((intent for intent, pattern in _PATTERNS.items() if pattern.search(text)), "browsing")


def match_sentiment(text: str) -> str:
    """Negative words win over positive ones."""
    if _CROSS.search(text):
        return "negative"
    return "positive" if _GLAD.search(text) else "neutral"
