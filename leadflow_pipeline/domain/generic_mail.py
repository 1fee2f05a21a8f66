"""Free text of a person: whether it is an inquiry, and the contact, name, budget and place found in it.

English and Spanish. What stands under labels is read by the generic rule (`rules/generic.yaml`); here is only
what has to be told from sentences. Nothing is guessed: what does not stand there stays absent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from phonenumbers import Leniency, PhoneNumberMatcher

from leadflow_pipeline.domain import mail_words as words
from leadflow_pipeline.domain.mail_characters import addresses_in
from leadflow_pipeline.domain.mail_facts import Facts
from leadflow_pipeline.domain.mail_quotes import own_words
from leadflow_pipeline.domain.mail_rules import MailRule, is_in_domains
from leadflow_pipeline.domain.mail_values import name_in
from leadflow_pipeline.domain.mail_views import MailView, is_own_address
from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs

_TEXT_LIMIT = 12_000
_MESSAGE_LIMIT = 20_000
_INQUIRY_LIMIT = 2_500

_FREE_MAIL = """
    gmail.com googlemail.com yahoo.com ymail.com rocketmail.com hotmail.com outlook.com live.com msn.com icloud.com
    me.com mac.com aol.com comcast.net xfinity.com verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net
    earthlink.net protonmail.com proton.me fastmail.com zoho.com gmx.com gmx.net mail.com email.com yahoo.es hotmail.es
    outlook.es yahoo.com.mx hotmail.com.mx prodigy.net.mx
"""
# Their users are strangers to each other: a shared domain says nothing.
FREE_MAIL_DOMAINS = frozenset(_FREE_MAIL.split())

_CAPITALIZED = r"(?:(?:Jr|Sr|Dr|St|Mrs?|Ms)\.|[A-ZÀ-ÞŁŠŽ][\w'’-]+|[A-Z]\.?(?![\w'’]))"
_PARTICLES = r"(?:(?:de|la|del|los|van|von|der|di|da|dos|y|and|&)\s+){0,2}"
_NAME = rf"(?P<name>{_CAPITALIZED}(?:\s+{_PARTICLES}{_CAPITALIZED}){{0,3}})"
_INTRODUCTION = re.compile(
    r"\b(?i:my name is|my name's|name's|this is|i am|i'm|i’m|im|me llamo|mi nombre es|soy|les? habla|les? escribe)\s+"
    + _NAME
)
_ANNOUNCED_NAME = re.compile(
    r"\b(?i:(?:leads?|inquiry|enquiry|contact|message|request|showing|tour)\s?[:–—-]|from|by)\s+" + _NAME
)
_NAME_LINE = re.compile(rf"^\W*{_NAME}\W*$")
_LOWER_NAME_LINE = re.compile(r"^\W*(?P<name>[a-zà-þ'’-]{2,20}(?: [a-zà-þ'’-]{2,20}){0,2})\W*$")

_THOUSANDS = r"(?:k|m|mil|thousand|million|mill(?:ó|o)n(?:es)?)\b"
_AMOUNT = (
    rf"(?:(?:\$\s?)?\d{{1,3}}(?:[.,]\d{{3}})+(?:\.\d\d)?(?!\d)|\$\s?\d+(?:\.\d+)?(?:\s?{_THOUSANDS})?"
    rf"|\d+(?:\.\d+)?\s?{_THOUSANDS}|\d{{5,8}}\b)(?:\s?(?:/|a|per|al|por)\s?(?:mo|month|mes)\b)?"
)
_RANGE = rf"(?:(?:{_AMOUNT}|\$?\d{{2,4}})\s?(?:-|–|—|to|and|a|y|hasta)\s?{_AMOUNT}|{_AMOUNT})"
_BUDGETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:{words.BUDGET})\b[^\n\d$?!]{{0,40}}?(?P<value>(?:{words.LIMIT}\s)?(?:{_RANGE}|\$?\d{{3,4}}\b))",
        rf"(?P<value>{_RANGE})\s(?:(?:is|es)\s(?:my|our|mi|nuestro)\s|de\s)?"
        rf"(?:{words.BUDGET}|price point|max(?:imum)?\b)",
        rf"\b(?:{words.APPROVED})\s(?:for up to|for|up to|at|por|hasta|para)\s"
        rf"(?:(?:a|about|around|un)\s)?(?P<value>{_RANGE})",
        rf"\b(?P<value>{words.LIMIT}\s{_RANGE})(?!\s*(?:{words.NO_MONEY}))",
        rf"\b(?:{words.SPEND}|in the)\s(?:(?:about|around|up to|hasta|the|between)\s)?(?P<value>{_RANGE})",
    )
)

# A full stop ends the sentence, but for `St. Paul` and the like.
_CITY_WORD = r"(?:(?-i:St|Ft|Mt)\.|(?-i:[A-Z])(?:[\w'’-]|\.(?=\w))*)"
_CITY = rf"{_CITY_WORD}(?:\s{_CITY_WORD}){{0,2}}"
_STREET_ADDRESS = re.compile(
    r"\b\d{1,6}[A-Za-z]?\s(?:(?:n|s|e|w|ne|nw|se|sw|north|south|east|west)\.?\s)?(?:[\w'’.-]+\s){0,4}?"
    rf"(?:{words.STREET_KINDS})\b\.?"
    r"(?:,?\s(?:#\s?|(?:apt|unit|suite|ste|apartment|no)\.?\s?#?\s?)[\w-]{1,6}\b)?"
    rf"(?:,?\s{_CITY},?\s(?-i:[A-Z]{{2}})\b(?:,?\s\d{{5}}(?:-\d{{4}})?\b)?|,\s{_CITY})?",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s<>\"\])]+", re.IGNORECASE)
_MLS = re.compile(r"\bMLS\W{0,3}(?:id|no|num(?:ber)?)?\W{0,4}(?P<value>[A-Z]{0,4}-?\d{4,12})\b", re.IGNORECASE)
_PHONE_SHAPED = re.compile(r"\d(?:[\s().\u2010-\u2014/-]{0,3}\d){6,}")
_NANP = re.compile(
    r"(?<![\w$#/.-])(?:\+?1[\s.-]?)?\(?\d{3}\)?[\s.\u2010-\u2014/-]{0,2}\d{3}[\s.\u2010-\u2014-]\d{4}(?![\w/])"
    r"(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
)


@dataclass(frozen=True, kw_only=True)
class Prose:
    """What free text says."""

    facts: Facts
    announced: bool  # the text says of itself that it brings a lead
    inquiry: bool  # a person asks for something to do with homes
    from_person: bool  # the mail's own sender can be answered as a person


def read_prose(view: MailView, rule: MailRule) -> Prose:
    """The facts in the free text of a mail. Facts are text as found; an absent one is not in the mapping."""
    lines = _lines(view)
    text = "\n".join(lines)[:_TEXT_LIMIT]
    topic = f"{view.subject}\n{text}"
    person, person_name = person_of(view, rule)
    values: dict[str, str] = {}
    origins: dict[str, str] = {}

    def keep(fact: str, value: str | None, origin: str) -> None:
        if value and fact not in values:
            values[fact], origins[fact] = value, origin

    def keep_address(address: str, origin: str) -> None:
        is_relay = is_in_domains(address, rule.relay_domains, subdomains=True)
        keep("relay_email" if is_relay else "email", address, origin)

    strangers = [each for each in _addresses_with_place(topic) if not _belongs_to_sender(each[1], view, rule)]
    for start, address in strangers:
        if words.STATED_ADDRESS.search(topic[max(0, start - 40) : start]):
            keep_address(address, "text")
    # A person writes from their own address; another in their text may be anybody's.
    if person:
        keep_address(person, "header reply-to" if person == view.reply_to else "header from")
    for _, address in strangers:
        keep_address(address, "text")
    keep("phone", prose_phone(topic), "text")
    keep("name", introduced_name(text), "text")
    keep("name", None if person else _announced_name(view.subject), "subject")
    keep("name", person_name if person else None, "header from")
    keep("name", signed_name(lines), "signature")
    keep("name", _name_by_address(lines), "text")
    keep("budget", prose_budget(topic), "text")
    for fact, address in _street_addresses(topic):
        keep(fact, address, "text")
    if match := _MLS.search(topic):
        keep("property_mls_id", match["value"], "text")
    keep("message", _message(lines), "text")
    return Prose(
        facts=Facts(values=values, origins=origins),
        announced=bool(words.ANNOUNCED_LEAD.search(topic)),
        inquiry=is_inquiry(topic),
        from_person=person is not None,
    )


def is_inquiry(text: str) -> bool:
    """Whether a person plainly asks for something: a wish and a home, or a request that stands by itself.

    Only the beginning counts: an inquiry comes to the point, and a long text holds every word somewhere.
    """
    if words.ADVERTISING.search(text):
        return False
    text = text[:_INQUIRY_LIMIT]
    if words.PLAIN_WISH.search(text):
        return True
    if not words.WISH.search(text):
        return False
    homes = {found.lower() for found in words.HOME.findall(text)}
    return len(homes) > 1 or bool(words.PLAIN_HOME.search(text) or _STREET_ADDRESS.search(text))


def person_of(view: MailView, rule: MailRule) -> tuple[str | None, str | None]:
    """Address and name of the person the mail can be answered to: Reply-To before From; no machine, none of us."""
    answered = [(view.reply_to, view.reply_to_name), *((sender, view.from_name) for sender in view.senders)]
    for address, name in answered:
        if not address or words.MACHINE_MAILBOX.match(address.partition("@")[0]):
            continue
        if is_own_address(address, rule, view.recipients) or _is_colleague(address, view):
            continue
        return address, _person_name(name) or _person_name(view.from_name)
    return None, None


def prose_phone(text: str) -> str | None:
    """The telephone number in free text, as written; one after `call me` before others, nobody's fax or office."""
    if not _PHONE_SHAPED.search(text):
        return None
    bare = text[:_TEXT_LIMIT]
    for found in (*addresses_in(bare), *_URL.findall(bare)):
        # Relay tokens and links are full of digits (trap 3).
        bare = re.sub(re.escape(found), lambda match: " " * len(match[0]), bare, flags=re.IGNORECASE)
    matches = [(match.start, match.raw_string) for match in PhoneNumberMatcher(bare, "US", leniency=Leniency.VALID)]
    matches = matches or [(match.start(), match[0]) for match in _NANP.finditer(bare)]
    own = [
        (start, raw)
        for start, raw in matches
        if not words.SOMEBODY_ELSES_PHONE.search(bare[max(0, start - 80) : start].rpartition("\n")[2])
    ]
    asked = [raw for start, raw in own if words.CALL.search(bare[max(0, start - 60) : start])]
    return next(iter(asked), None) or next((raw for _, raw in own), None)


def prose_budget(text: str) -> str | None:
    """What a person says they can spend, as written: `up to $450k`."""
    for pattern in _BUDGETS:
        if match := pattern.search(text):
            return clean_line(match["value"], 100) or None
    return None


def introduced_name(text: str) -> str | None:
    """The name in `my name is …` or `soy …`."""
    for match in _INTRODUCTION.finditer(text):
        name = re.sub(r" (?:and|&|y) I$", "", match["name"].rstrip("."))
        first = name.split()[0].lower()
        if first not in words.NOT_INTRODUCED and not words.NO_NAME.search(name):
            return name_in(name)
    return None


def signed_name(lines: Sequence[str]) -> str | None:
    """The name under `Thanks,` or `Saludos`, on the same line or the next."""
    for number in range(len(lines) - 1, -1, -1):
        match = words.CLOSING.match(lines[number])
        if not match:
            continue
        after = [match["rest"], *lines[number + 1 : number + 4]]
        for line in after:
            if line.strip(" \t,.!-–—"):
                named = _NAME_LINE.match(line) or (_LOWER_NAME_LINE.match(line) if line is not match["rest"] else None)
                return name_in(named["name"]) if named and not words.NO_NAME.search(line) else None
    return None


def _lines(view: MailView) -> list[str]:
    """What the sender wrote, from the text part; from the HTML part where the text part only points to it."""
    subject = "Fwd:" if view.forwarded else view.subject
    plain = own_words(view.plain.lines, subject=subject)
    if view.plain.is_blank or (view.mail.html and _length(plain) < 200):
        page = own_words(view.page.lines, subject=subject)
        plain = page if _length(page) > 2 * _length(plain) else plain
    return [line.replace("\t", " ") for line in plain]


def _length(lines: Sequence[str]) -> int:
    return sum(map(len, lines))


def _message(lines: Sequence[str]) -> str | None:
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == "--"), len(lines))
    return clean_paragraphs("\n".join(lines[:end]), _MESSAGE_LIMIT) or None


def _person_name(name: str | None) -> str | None:
    bare = re.sub(r"\s*(?:\(?via .*|\(.*\))$", "", name or "", flags=re.IGNORECASE).strip(" '\"")
    return name_in(bare) if bare and not words.NO_NAME.search(bare) else None


def _is_colleague(address: str, view: MailView) -> bool:
    """Whether an address shares a company's domain with those the mail was sent to."""
    domain = address.rpartition("@")[2]
    if domain in FREE_MAIL_DOMAINS or address not in view.senders:
        return False
    return any(each.rpartition("@")[2] == domain for each in view.recipients)


def _belongs_to_sender(address: str, view: MailView, rule: MailRule) -> bool:
    """Whether an address in the text is ours or the sending site's, not the person's."""
    if is_own_address(address, rule, view.recipients) or words.MACHINE_MAILBOX.match(address.partition("@")[0]):
        return True
    domain = address.rpartition("@")[2]
    others = [*view.recipients, *(sender for sender in view.senders if sender != address)]
    return domain not in FREE_MAIL_DOMAINS and any(each.rpartition("@")[2] == domain for each in others)


def _addresses_with_place(text: str) -> list[tuple[int, str]]:
    """Where each address of the text begins."""
    places, start, small = [], 0, text.lower()
    for address in addresses_in(text):
        start = max(start, small.find(address, start))
        places.append((start, address))
    return places


def _announced_name(subject: str) -> str | None:
    """The name in `New inquiry: Ada Example …`."""
    match = _ANNOUNCED_NAME.search(subject)
    return name_in(match["name"]) if match and not words.NO_NAME.search(match["name"]) else None


def _name_by_address(lines: Sequence[str]) -> str | None:
    """The line above an e-mail address where it can only be a name: unlabelled notices of brokerage sites."""
    for number, line in enumerate(lines):
        if number and "@" in line and ":" not in line and len(line.split()) <= 2:
            above = next((each for each in reversed(lines[:number]) if each.strip()), "")
            match = _NAME_LINE.match(above)
            return (
                name_in(match["name"]) if match and " " in match["name"] and not words.NO_NAME.search(above) else None
            )
    return None


def _street_addresses(text: str) -> list[tuple[str, str]]:
    """Street addresses with the fact they are: where the person lives, else what they ask about."""
    found = []
    for match in _STREET_ADDRESS.finditer(_URL.sub(" ", text)):
        lives = words.LIVES_AT.search(text[max(0, match.start() - 60) : match.start()])
        found.append(("address" if lives else "property_address", clean_line(match[0], 300).rstrip(" .,")))
    return found
