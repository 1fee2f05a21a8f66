"""E-mail addresses: syntax, the form mail servers take, and what kind of address it is.

Decided from the text alone: no DNS, no mailbox probe. A likely typo is suggested and never corrected,
because the corrected address may be somebody else's.
"""

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, EmailSyntaxError, ValidatedEmail, validate_email
from rapidfuzz.distance import DamerauLevenshtein

from leadflow_pipeline.domain.email_domains import (
    DISPOSABLE_DOMAINS,
    ENDING_TYPOS,
    FORWARDING_DOMAINS,
    NOT_TYPOS,
    OFTEN_MISTYPED,
    PORTAL_RELAY_DOMAINS,
    ROLES,
    SHORT_PROVIDERS,
)
from leadflow_pipeline.domain.plain_text import clean_line

_LIMIT = 400

_NOTHING = frozenset({"", "n/a", "na", "none", "null", "unknown", "no email", "-", "--", "not provided"})
_IN_ANGLES = re.compile(r"<\s*([^<>\s]+@[^<>\s]+)\s*>")
_SEPARATOR = re.compile(r"\s*(?:[,;|]|\s/\s|\bor\b|\band\b|\s)\s*", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:\s*", re.IGNORECASE)
_WRAPPING = " \t\"'`“”‘’«»<>()[]{}.,;:!?*"
_REPAIRS = (
    (re.compile(r"\s*(?:\(at\)|\[at\]|\{at\}|\s+at\s+)\s*", re.IGNORECASE), "@"),
    (re.compile(r"\s*(?:\(dot\)|\[dot\]|\{dot\}|\s+dot\s+)\s*", re.IGNORECASE), "."),
    (re.compile(r"\s+"), ""),
    (re.compile(r"@{2,}"), "@"),
    (re.compile(r"(?<=@)([^@]*),"), r"\1."),
    (re.compile(r"\.{2,}"), "."),
    (re.compile(r"\.@|@\."), "@"),
)


@dataclass(frozen=True, kw_only=True)
class Email:
    """What an e-mail field says. `address` is set only where the syntax holds."""

    original: str  # as written, free of control characters
    address: str | None = None  # domain in lower case and, for IDN, in ASCII where the mailbox allows it
    kind: str | None = None  # person, role, disposable, relay
    portal: bool = False  # a relay that belongs to a portal's conversation, not to the person
    suggestion: str | None = None
    problem: str | None = None
    others: tuple[str, ...] = ()


def normalize_email(text: str) -> Email:
    """The first address of the field that holds, with its kind."""
    original = clean_line(text, _LIMIT)
    if original.lower() in _NOTHING:
        return Email(original=original, problem="no address given")
    valid, problem = _addresses(original)
    if not valid:
        return Email(original=original, problem=problem, suggestion=_repaired(original))
    best = valid[0]
    domain = best.rpartition("@")[2]
    suggestion = _suggested_domain(domain)
    return Email(
        original=original,
        address=best,
        kind=_kind(best),
        portal=_belongs(domain, PORTAL_RELAY_DOMAINS),
        suggestion=f"{best.rpartition('@')[0]}@{suggestion}" if suggestion else None,
        others=tuple(dict.fromkeys(each for each in valid[1:] if each != best)),
    )


def _addresses(text: str) -> tuple[list[str], str]:
    """The valid addresses in the field, else why the likeliest one is not."""
    pieces = _IN_ANGLES.findall(text) or [each for each in _SEPARATOR.split(text) if "@" in each]
    valid: list[str] = []
    problem = "no @ in it" if "@" not in text else "not an e-mail address"
    for piece in pieces[:8]:
        try:
            valid.append(_address(_unwrapped(piece)))
        except (EmailNotValidError, UnicodeError) as failure:
            problem = _reason(failure)
    return valid, problem


def _unwrapped(piece: str) -> str:
    bare = _MAILTO.sub("", piece.strip(_WRAPPING))
    return bare.partition("?")[0].strip(_WRAPPING) if "@" in bare.partition("?")[0] else bare.strip(_WRAPPING)


def _address(text: str) -> str:
    # The sandbox and the samples live under the reserved name .test.
    checked: ValidatedEmail = validate_email(text, check_deliverability=False, test_environment=True)
    if "." not in checked.domain:
        raise EmailSyntaxError("The part after the @-sign has no dot.")
    return checked.ascii_email or checked.normalized


def _reason(failure: Exception) -> str:
    return str(failure).rstrip(".")[:200] if isinstance(failure, EmailNotValidError) else "not an e-mail address"


def _repaired(text: str) -> str | None:
    """What the person probably meant where the syntax does not hold."""
    repaired = text.strip(_WRAPPING)
    for pattern, replacement in _REPAIRS:
        repaired = pattern.sub(replacement, repaired)
    local, _, domain = repaired.partition("@")
    try:
        return _address(f"{local}@{_completed(domain.lower())}")
    except (EmailNotValidError, UnicodeError):
        return None


def _completed(domain: str) -> str:
    """A provider's domain where its dot or ending is missing: `gmail`, `gmailcom`."""
    for provider, ending in OFTEN_MISTYPED.items():
        if domain in (provider, provider + ending):
            return f"{provider}.{ending}"
    return _suggested_domain(domain) or domain


def _kind(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if _belongs(domain, PORTAL_RELAY_DOMAINS) or _belongs(domain, FORWARDING_DOMAINS):
        return "relay"
    if _belongs(domain, DISPOSABLE_DOMAINS):
        return "disposable"
    words = [each.rstrip("0123456789") for each in re.split(r"[._-]", local.partition("+")[0].lower())]
    return "role" if "".join(words) in ROLES or ROLES.issuperset(words) else "person"


def _belongs(domain: str, known: frozenset[str]) -> bool:
    """Whether the domain is one of `known` or below one."""
    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in known for start in range(len(labels) - 1))


def _suggested_domain(domain: str) -> str | None:
    label, _, ending = domain.partition(".")
    if domain in NOT_TYPOS:
        return None
    if wanted := SHORT_PROVIDERS.get(label):
        return f"{label}.{wanted}" if ENDING_TYPOS.get(ending) == wanted else None
    for provider, wanted in OFTEN_MISTYPED.items():
        likely = f"{provider}.{wanted}"
        same_ending = wanted in (ending, ENDING_TYPOS.get(ending))
        if same_ending and DamerauLevenshtein.distance(label, provider, score_cutoff=1) <= 1:
            return likely if likely != domain else None
    return None
