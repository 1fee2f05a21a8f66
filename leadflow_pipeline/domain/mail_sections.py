"""Parts of a mail that speak of somebody else than the lead: the agent's box, the portal's footer (trap 2).

Names, numbers and addresses in these lines are never the lead's; facts about the property may be.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

_SOMEBODY = (
    r"(?:(?:the|this|your|our|listing|selling|assigned|showing|real estate|buyer[’']?s|seller[’']?s|co-?|leasing|loan"
    r"|title|property)\s*)*(?:agent|realtor|broker|brokerage|officer|lender|office|property manager|leasing team)"
)
_BOX = re.compile(
    rf"^\W*(?:about |contact |meet )?{_SOMEBODY}(?:[’']?s)?"
    r"(?: (?:info|information|details|contact|contact info|contact information|profile))?\W*$",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"^\W*{_SOMEBODY}(?: name)?\s*[:\t]", re.IGNORECASE)
# A row about somebody else amidst a form's rows: it stands for itself.
_ROW = re.compile(
    rf"^\W*{_SOMEBODY}(?:[’']?s)?(?: (?:name|phone|cell|mobile|tel|telephone|e-?mail|number|address|id))*"
    r"\W{0,2}[:\t]",
    re.IGNORECASE,
)
_LISTING_AGENT = re.compile(r"^\W*(?:listing|selling|leasing|showing) (?:agent|broker|office)\b", re.IGNORECASE)
_NAME_LABEL = re.compile(r"^\W*name\s*[:\t]", re.IGNORECASE)
_COURTESY = re.compile(
    r"^\W*(?:(?:listing |this listing is )?(?:courtesy|provided|presented|offered|brought to you)"
    r"|listed|represented|marketed)\s(?:of|by)\b|^\W*listing by\b",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"^\W*(?:unsubscribe|©|\(c\)|copyright|all rights reserved|privacy policy|terms of (?:use|service)"
    r"|this (?:e-?mail|message|notification) (?:was|is) (?:sent|intended|delivered)|you(?:[’']re| are) receiving"
    r"|need help\?|(?:have )?questions\? ?(?:call|contact|e-?mail|visit|reply|we|our)|contact (?:us|support)\b(?=\W|$)"
    r"(?: at| by)?\W*(?:\S*\d|\S+@|$)|customer (?:support|service|care)|support team|our support"
    r"|(?:manage|update) (?:your )?(?:\w+ )?(?:preferences|notifications|settings)|(?:please )?do not reply"
    r"|to ensure delivery|add \S+@\S+ to your|headquarters)|©|\ball rights reserved\b",
    re.IGNORECASE,
)
_LEAD_AGAIN = re.compile(
    r"^\W*(?:about (?:the )?)?(?:lead|contact|buyer|renter|seller|consumer|customer|client|prospect|visitor|applicant)"
    r"(?:[’']?s)? (?:info|information|details|contact info|contact information|contact details)\W*$"
    r"|^\W*(?:first|last|full|your|lead|contact|customer|client|buyer|renter|consumer) name\s*[:\t]",
    re.IGNORECASE,
)
_REACH = re.compile(r"@|\d{3}\W{0,3}\d{3}\W?\d{4}")  # an address or a number: the lead's contact stands above
_LEAST_BEFORE_FOOTER = 3
_ROW_LIMIT = 120
# A portal's own line below a message: a link, a button, a piece of advice.
_MESSAGE_END = re.compile(
    r"^\W*(?:view|see|open|read|manage|visit|click|log ?in|sign ?in|reply|respond)\b[^.?!]{0,80}https?://\S+\W*$"
    r"|^\W*(?:view|open|read|manage) (?:this|the|your|all|full|more|in|on|lead|listing|message|property|details|profile"
    r"|conversation|inquiry|application)\b[^?!]{0,50}$"
    r"|^\W*(?:reply|respond) (?:to|now|within)\b[^?!]{0,50}$"
    r"|^\W*(?:log ?in|sign ?in) (?:to|now|and|here)\b[^?!]{0,60}$"
    r"|^\W*(?:pro |helpful )?tips?\s*:",
    re.IGNORECASE,
)


def ends_message(line: str) -> bool:
    """Whether a portal speaks again in the line below a message or another value."""
    return bool(_MESSAGE_END.match(line) or _FOOTER.match(line))


def portal_line(names: Collection[str]) -> re.Pattern[str] | None:
    """The pattern of a line in which a portal signs: `Homes.com, 501 Fifth St …`; None where it has no name."""
    if not names:
        return None
    choice = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(
        rf"^\W*(?:the |your )?(?:{choice})(?:\s+(?:team|inc|llc|group|support))?[.!®™]?(?:(?:\s*[,|·•–—]|\s+-\s).*)?$",
        re.IGNORECASE,
    )


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """The numbers of the lines that speak of an agent, a broker or the sending portal itself."""

    boxes: frozenset[int]  # an agent's or broker's
    footer: frozenset[int]  # the portal's own, to the end of the mail

    @cached_property
    def lines(self) -> frozenset[int]:
        """Both."""
        return self.boxes | self.footer


def foreign_lines(lines: Sequence[str], signed: re.Pattern[str] | None = None) -> Foreign:
    """Where somebody else speaks; the portal signs as in `signed`."""
    boxes: set[int] = set()
    footers: set[int] = set()
    inside = named = footer = reached = False
    filled = held = 0
    for number, line in enumerate(lines):
        is_blank = not line.strip()
        if _LEAD_AGAIN.match(line):
            inside = footer = False
        elif inside and named and _NAME_LABEL.match(line):
            inside = False
        elif not is_blank and _is_footer(line, signed) and (filled >= _LEAST_BEFORE_FOOTER or (filled and "©" in line)):
            footer = True
        elif not is_blank and _begins_box(line, is_apart=filled > 0 and not lines[number - 1].strip(), reached=reached):
            inside, named, held = True, bool(_NAMED.match(line)), 0
        elif inside and is_blank and held > 1:
            inside = False
        if footer:
            footers.add(number)
        elif inside or (len(line) <= _ROW_LIMIT and _ROW.match(line)):
            boxes.add(number)
        filled += not is_blank
        held += not is_blank
        reached = reached or bool(_REACH.search(line))
    return Foreign(boxes=frozenset(boxes), footer=frozenset(footers))


def _is_footer(line: str, signed: re.Pattern[str] | None) -> bool:
    return bool(_FOOTER.search(line)) or (signed is not None and bool(signed.match(line)))


def _begins_box(line: str, *, is_apart: bool, reached: bool) -> bool:
    """Whether an agent's box begins; `Assigned agent: Bob` amidst or atop a form's rows begins none."""
    if len(line) > _ROW_LIMIT:
        return False
    if _COURTESY.match(line) or _BOX.match(line):
        return True
    may_begin = is_apart or (reached and "assigned" not in line.lower()) or bool(_LISTING_AGENT.match(line))
    return may_begin and bool(_NAMED.match(line))
