"""The words by which a mail shows what it is: an inquiry, an announced lead, a bounce, a code; English and Spanish.

One alternative a line, as a pattern; an accented letter stands for the plain one too. Only vocabulary: what
follows from a word is decided where it is used.
"""

import re

_PLAIN_TOO = {"á": "[aá]", "é": "[eé]", "í": "[ií]", "ó": "[oó]", "ú": "[uú]", "ñ": "[nñ]", "'": "['’]"}


def any_of(alternatives: str, *, before: str = r"\b(?:", after: str = r")\b") -> re.Pattern[str]:
    """A pattern that matches any line of `alternatives`, regardless of case, as whole words by default."""
    lines = [line.strip() for line in alternatives.strip().splitlines() if line.strip()]
    joined = "|".join("".join(_PLAIN_TOO.get(letter, letter) for letter in line) for line in lines)
    return re.compile(before + joined + after, re.IGNORECASE)


# A wish or a question; with a home beside it, an inquiry.
WISH = any_of(r"""
    interested|interest in
    looking (?:for|to|at|into)
    (?:would|i'd|we'd) like
    want(?:s|ed)? to
    need (?:to|a|an|help|more)
    hoping to|wondering|curious
    (?:in|en)quir\w*
    availab\w+
    schedule|showings?|viewings?|tours?|visit|appointment
    (?:view|see) (?:it|the|this|inside|your)
    info|information|details|questions?
    (?:please )?(?:call|text|contact|e-?mail|reach) me
    get back to me|give me a call
    (?:can|could|may|would|will) (?:you|i|we)
    (?:is|are) (?:it|this|the|that|there|these|you)
    do (?:you|i|we)|does (?:it|the|this)
    how (?:much|many|big|old|do|long|can)
    what(?:'s| is| are| would)|when (?:can|is|could)
    pre-?(?:approved|qualified)
    moving to|relocat\w+
    make an offer|put in an offer|thinking (?:of|about)
    interesad[oa]s?|(?:me|nos) interesa\w*
    busc(?:o|a|amos|ando)
    quisiera\w*|quiero|queremos|(?:me|nos) gustaría
    necesit(?:o|amos)
    disponible|cita|visitar|agendar
    ver (?:la|el|esta|este)|verl[ao]
    información|preguntas?
    (?:llám|contáct|escríb)(?:e|a)(?:me|nos)|(?:llamar|contactar)(?:me|nos)
    cuánto|cuándo|todavía|aún|sigue|puedo|podría|podemos|precio
""")

HOME = any_of(r"""
    houses?|homes?|apartments?|apts?|condos?|condominiums?|town ?(?:home|house)s?|duplex(?:es)?|studio|lofts?
    property|properties|listings?|listed|units?
    (?:\w+[ -])?bed(?:room)?s?|bath(?:room)?s?|\d\s?(?:bd|br|ba|bdrm)s?
    mls|zillow|realtor|trulia|redfin|real estate
    rent|rents|rentals?|renting|lease|leasing
    buy|buying|buyers?|sell|selling|sellers?
    mortgage|neighbou?rhood|square f\w+|sq\.? ?ft|acres?|lots?|land|ranch
    move.?in|moving|down payment|open house|showings?|school district|agent|offer
    casas?|departamentos?|apartamentos?|pisos?|propiedad(?:es)?|inmuebles?|viviendas?|terrenos?
    recámaras?|habitaci(?:ón|ones)|dormitorios?|cuartos?|baños?
    rentar|renta|alquilar|alquiler|comprar|compra|vender|venta|hipoteca|agente|anuncio|mudar(?:me|nos)
""")

# These speak of homes by themselves; of the others it takes two.
PLAIN_HOME = any_of(r"""
    (?:the|this|your|that|a|an|my|our) (?:\w+ )?(?:house|home|apartment|apt|condo|townhouse|duplex)
    (?:the|this|your|that|a|an|my|our) (?:\w+ )?(?:property|listing|unit)
    (?:houses|homes|apartments|condos|listings|properties) (?:in|near|around|for)
    bedrooms?|\d\s?(?:bd|br|bdrm)s?|mls|realtors?|zillow|trulia|redfin|open house|real estate|mortgage
    for (?:sale|rent|lease)|to (?:rent|lease)
    (?:la|esta|una|su|tu|mi|el|este|un) (?:casa|propiedad|vivienda|apartamento|departamento|piso|inmueble|terreno)
    casas|recámaras?|habitaciones|dormitorios?|alquilar|rentar|hipoteca
""")

# A request that stands by itself, whatever it is about.
PLAIN_WISH = any_of(r"""
    (?:call|text|contact|e-?mail) me
    give me a (?:call|ring)
    still available
    is (?:it|this|that|the \w+(?: \w+)?) available
    (?:schedule|book|arrange|set up|request) (?:a|an) (?:\w+ )?(?:tour|showing|viewing|visit|appointment|call)
    (?:like|want|need|get|have|send (?:me|us)|request) (?:some )?more (?:info(?:rmation)?|details)
    (?:sigue|está|todavía está) disponible
    llám[ea](?:me|nos)|llamarme
    (?:quiero|quisiera|necesito|me gustaría|recibir) (?:\w+ )?más información
    contáct(?:e|a)(?:me|nos)|contactarme
    agendar una (?:cita|visita)
""")

# A machine's notice that says of itself that it brings a lead.
ANNOUNCED_LEAD = any_of(r"""
    new (?:\w+ ){0,3}(?:leads?|inquiry|enquiry|contact|prospect|buyer|form submission|tour request|showing request)
    lead (?:alert|notification|from)
    (?:inquiry|enquiry|lead|submission|request) (?:has been |was )?(?:received|submitted|sent|from)
    contact form|form submission|form entry
    has (?:requested|inquired|contacted you)
    is (?:interested in|requesting|inquiring)
    (?:requested|requesting|request for) (?:more )?(?:info\w*|a (?:showing|tour|viewing))
    (?:showing|tour|information|info) request
    nuev[oa] (?:\w+ ){0,2}(?:contacto|consulta|mensaje|prospecto|cliente|solicitud|lead)
    formulario de contacto
    solicitud de (?:información|visita)
    está interesad[oa] en|ha solicitado
""")

# What stands before a person's own address.
STATED_ADDRESS = any_of(
    r"""
    my e-?mail(?: address)?(?: is)?|e-?mail me at|(?:reach|contact|write) (?:to )?me (?:at|on)|e-?mail
    mi (?:correo|e-?mail)(?: electrónico)?(?: es)?|correo(?: electrónico)?(?: es)?|escríb[ae]me a
    """,
    after=r")[\s:]{1,3}$",
)

# Footers and phrases of mass mail, which no person types into an inquiry.
ADVERTISING = any_of(r"""
    unsubscribe|opt[- ]out|manage (?:your )?(?:e-?mail )?preferences
    view (?:this (?:e-?mail|message) )?in (?:your|a) browser
    all rights reserved|privacy policy|to stop receiving|you (?:are|were) receiv(?:ing|ed) this (?:e-?mail|message)
    limited time|special offer|click (?:here|below) to|act now|risk[- ]free|money[- ]back
    darse de baja|cancelar (?:su|la) suscripción|política de privacidad
""")

BOUNCE_SUBJECT = any_of(
    r"""
    undeliver(?:able|ed)
    delivery (?:status notification|failure|report|has failed|notification|delayed)
    mail delivery (?:fail|report|system|problem|status)
    returned mail|failure notice|mail system error|message delivery failure|non[- ]?deliver
    warning: (?:could not send|message)
    no se puede entregar|no entregado|correo devuelto|notificación de estado de entrega
    """,
    before=r"^\W*(?:",
    after=")",
)
BOUNCE = any_of(r"""
    could(?: not|n't) be delivered|delivery to the following|did not reach the following
    message (?:was|could) not (?:be )?delivered|unable to deliver|delivery attempts
    permanent fatal errors|permanent error|undeliverable|returned to sender
    user unknown|no such user|recipient address rejected|relaying denied|mailbox (?:is )?full
    this is the mail system at host|qmail-send program
""")
AUTO_REPLY_SUBJECT = any_of(
    r"""
    \[?auto(?:matic|mated)?[ -]?(?:reply|response|responder|antwort)|autoreply|auto:
    out of (?:the )?office|i am out of (?:the )?office|away from (?:the |my )?(?:office|desk|e-?mail)
    on vacation\W*$|vacation (?:reply|response|message)
    respuesta automática|fuera de (?:la )?oficina|réponse automatique|automatische antwort|abwesen
    """,
    before=r"^\W*(?:(?:re|aw|sv)\s*:\s*)?(?:",
    after=")",
)
AUTO_REPLY = any_of(r"""
    (?:i am|i'm|i will be|i'll be) (?:currently )?(?:out of (?:the )?office|away from (?:the|my) (?:office|desk))
    (?:i am|i'm|i will be|i'll be) (?:currently )?on (?:vacation|leave|holiday)
    (?:estoy|estaré) (?:fuera de la oficina|de vacaciones)
""")
CODE_SUBJECT = any_of(r"""
    (?:verification|security|one[- ]time|log[- ]?in|access|authentication|2fa|mfa) (?:pass)?(?:code|word|pin)
    sign[- ]?in code
    (?:verify|confirm) your (?:e-?mail|account|identity|device)
    password reset|reset your password|new (?:sign[- ]?in|login|device)
    your (?:\w+ )?code is|\d{4,8} is your (?:\w+ ){0,3}code
    código de (?:verificación|seguridad|acceso)|restablecer (?:su|tu) contraseña
""")
CODE = any_of(r"""
    your (?:\w+ ){0,3}(?:verification|security|one[- ]time|log[- ]?in) code\b[^\n]{0,40}?\n?\s*\b\d{4,8}
    \d{4,8} is your (?:\w+ ){0,3}code
    código de (?:verificación|seguridad|acceso)\b[^\n]{0,40}?\n?\s*\b\d{4,8}
""")
DIGEST_SUBJECT = any_of(
    r"""
    (?:your )?(?:daily|weekly|monthly) (?:digest|summary|report|update|recap|newsletter|activity)
    (?:your )?(?:hot ?sheet|performance report|listing (?:performance|activity) report)
    (?:market|activity) (?:report|update|digest|summary)|newsletter|(?:new )?listings? (?:alert|digest)
    (?:your )?(?:invoice|receipt|billing statement)|payment (?:received|failed|receipt)
    resumen (?:diario|semanal|mensual)|boletín
    """,
    before=r"^\W*(?:",
)
# Two kinds together, one of them this: a person with an inheritance of two millions is a buyer.
SCAM = any_of(r"""
    next of kin|lottery|(?:compensation|unclaimed|abandoned|inheritance) (?:fund|sum|payment|claim)s?
    (?:trunk|consignment) box|barrister|late (?:client|husband|father)(?:'s)? (?:fund|account|deposit)s?
    (?:your|beneficiary) (?:fund|payment) (?:of|valued)|united nations (?:compensation|fund)|atm (?:visa )?card
    confidential business (?:proposal|transaction)|transfer(?:red)? (?:of )?(?:the |this |your )?funds? (?:to|into) your
""")
SCAM_MONEY = any_of(r"""
    western union|money ?gram|us\$|usd|million (?:united states |u\.?s\.? )?dollars|\$\d+(?:\.\d+)? ?million
    bank (?:draft|transfer)|wire transfer|delivery (?:fee|charges?)
""")
MEETING_SUBJECT = any_of(
    r"""
    (?:updated )?invitation|accepted|declined|tentative|cancell?ed event|invitación|aceptado|rechazado
    """,
    before=r"^\W*(?:",
    after=r")\s*:",
)
MAILER_DAEMON = any_of(
    r"""
    mail(?:er)? delivery (?:subsystem|system|service)|mailer.?daemon|mail administrator
    internet mail delivery|postmaster
    """,
    before=r"^\W*(?:",
)

# Local parts that no person answers from.
MACHINE_MAILBOX = any_of(
    r"""
    no[._-]?reply|do[._-]?not[._-]?reply|donotreply
    mailer|mailer-daemon|postmaster|bounces?|daemon|root|system|nobody|www|www-data|apache|wordpress|webmaster
    notifications?|notify|alerts?|newsletters?|news|marketing|updates?|digest|events?|promo(?:tions)?|deals
    forms?|website|web|automated|auto|billing|invoices?|receipts?|leads?
    """,
    before="^(?:",
    after=r")(?:[+._-].*|\d*)$",
)
# Words that no person is called by.
NO_NAME = any_of(
    r"""
    \b(?:via|no.?reply|team|support|notifications?|alerts?|newsletter|website|wordpress|leads?|sales|office)\b
    \b(?:realty|realtors?|real estate|properties|homes|mortgage|llc|inc|corp|group)\b
    \b(?:customer|service|admin|mailer|daemon|postmaster|unsubscribe|sent|regards|thanks|gracias)\b
    \.(?:com|net|org)\b|[@\d/]
    """,
    before="(?:",
    after=")",
)
CLOSING = any_of(
    r"""
    thanks?(?: you)?(?: so much| very much| again| in advance| and regards)?|many thanks|thx|ty
    best(?: regards| wishes)?|(?:kind|warm)(?:est)? regards|regards|sincerely|cheers|respectfully|yours(?: truly)?
    (?:muchas |mil )?gracias(?: de antemano)?|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente|cordialmente
    """,
    before=r"^\W*(?:",
    after=r")(?![\w'’])[\s,.!–—-]*(?P<rest>.*)$",
)
# What follows `I am` without being a name.
_NOT_INTRODUCED_WORDS = """
    interested looking calling writing a an the not in on to very reaching trying hoping just moving relocating selling
    buying still so also wondering ready new from currently really regarding about my our your it that there here sorry
    happy sincerely thanks best ok hi hello is
"""
NOT_INTRODUCED = frozenset(_NOT_INTRODUCED_WORDS.split())

BUDGET = r"budget|price range|(?:my|our) max(?:imum)?(?: price)? is|presupuesto|rango de precios?"
LIMIT = (
    r"(?:up to|under|below|no more than|less than|at most|max(?:imum)?(?: of)?|around|about|between|hasta|menos de"
    r"|no m[aá]s de|m[aá]ximo(?: de)?|alrededor de|entre)"
)
APPROVED = r"(?:pre-?)?(?:approved|qualified|aprobad[oa]s?|calificad[oa]s?)|pre-?approval(?: letter)?"
SPEND = r"spend|afford|pay|gastar|pagar|range of|alrededor de|looking at"
NO_MONEY = r"sq|square|ft|feet|acres|miles|days|pies|minutes"

STREET_KINDS = (
    r"street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|circle|cir|place|pl|terrace|ter|trail|trl"
    r"|way|parkway|pkwy|highway|hwy|loop|cove|cv|square|sq|path|pass|point|pt|run|ridge|bend|crossing|xing|plaza|alley"
    r"|row|walk|hollow"
)
LIVES_AT = any_of(
    r"""
    (?:i|we) (?:currently )?live (?:at|on)
    (?:my|our) (?:home )?address is
    vivo en|vivimos en|mi dirección es
    """,
    after=r")\W*$",
)
CALL = any_of(
    r"""
    call|text|phone|cell|mobile|number|reach|tel|ph|whatsapp|llám|teléfono|celular|móvil|número|marcar
    """,
    before="(?:",
    after=r")[^\n]{0,40}$",
)
SOMEBODY_ELSES_PHONE = any_of(
    r"""
    fax|office|agent|broker|courtesy|listed by|listing by|mls|license|lic|dre|nmls|realtor|toll.?free
    customer service|oficina|agente
    """,
    after=r")\b[^\n]{0,60}$",
)
