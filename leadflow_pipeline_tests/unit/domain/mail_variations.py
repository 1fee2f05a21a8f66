"""Mails in the layouts of lead-sources, each in many writings: markup, order, spacing, missing facts, other people's
contact details, forwards. Written apart from the rules and their examples, to measure what these do not show.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import escape

from leadflow_pipeline_tests.unit.domain.mail_layouts import LAYOUTS, NON_LEADS, Dice, Draft


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One mail and what must be read from it."""

    layout: str
    raw: bytes
    outcome: str
    source: str
    facts: Mapping[str, str] = field(default_factory=dict)


def variations(seed: int, *, of_each: int) -> list[Variation]:
    """`of_each` mails of every layout and as many that are no leads."""
    dice = Dice(seed)
    made = [_finished(layout(dice), layout.__name__, dice) for layout in LAYOUTS for _ in range(of_each)]
    return made + [_no_lead(dice, dice.choice(NON_LEADS)) for _ in range(of_each)]


def _no_lead(dice: Dice, mail: tuple[str, str, str, Mapping[str, str]]) -> Variation:
    sender, subject, text, headers = mail
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "leads@brokerage.test", subject
    for name, value in headers.items():
        message[name] = value
    message.set_content(text if dice.yes(0.5) else text + "\n\nSent to you by the portal, 1-800-555-0100")
    return Variation(layout="no lead", raw=message.as_bytes(), outcome="ignored", source="")


def _finished(draft: Draft, layout: str, dice: Dice) -> Variation:
    draft.blocks = [*_preface(draft, dice), *draft.blocks, *_closing(draft, dice)]
    text, page = _as_text(draft, dice), _as_page(draft, dice)
    message = EmailMessage()
    forward = dice.random()
    if forward < 0.08 and draft.by_hand:
        text, page = _forwarded(draft, text, page, dice)
        message["From"], message["To"] = "Bob Agent <bob@brokerage.test>", "leads@brokerage.test"
        message["Subject"] = f"Fwd: {draft.subject}"
    elif forward < 0.16:
        message["From"], message["To"] = "Leads <leads@brokerage.test>", "leads@brokerage.test"
        message["X-Original-From"], message["Subject"] = draft.sender, draft.subject
        if layout in ("zillow_relay", "yelp"):  # the person is in From, which a group rewrites
            message.replace_header("From", draft.sender)
        if draft.reply_to:
            message["Reply-To"] = draft.reply_to
    else:
        message["From"], message["To"], message["Subject"] = draft.sender, "leads@brokerage.test", draft.subject
        if draft.reply_to:
            message["Reply-To"] = draft.reply_to
    kinds = ["html"] if draft.html_only else dice.choice([["plain"], ["plain", "html"], ["html"]])
    charset = dice.choice(["utf-8", "utf-8", "iso-8859-1"]) if _fits_latin_1(text + page) else "utf-8"
    for kind in kinds:
        options = {"charset": charset, "cte": dice.choice(["quoted-printable", "base64"])}
        add = message.set_content if kind == kinds[0] else message.add_alternative
        add(text if kind == "plain" else page, subtype=kind, **options)
    facts = dict(draft.facts)
    return Variation(layout=layout, raw=message.as_bytes(), outcome="lead", source=draft.source, facts=facts)


def _fits_latin_1(text: str) -> bool:
    return all(ord(letter) < 256 for letter in text)


def _preface(draft: Draft, dice: Dice) -> Sequence[object]:
    if draft.source in ("yelp", "generic", "contact_form_7") or not dice.yes(0.2):
        return []
    return [dice.choice(["View in browser", "Great news!", f"{draft.portal}", "You have 1 new lead"]), ""]


def _closing(draft: Draft, dice: Dice) -> Sequence[object]:
    if not draft.portal or not dice.yes(0.6):
        return []
    name = draft.portal
    domain = draft.sender.rpartition("@")[2].strip(">")
    return [
        "",
        *dice.choice(
            [
                [f"Questions? Contact us at support@{domain} or 1-800-555-0199."],
                [
                    f"© 2026 {name}. All rights reserved.",
                    "1301 Second Ave, Seattle, WA 98101",
                    "Unsubscribe | Privacy policy",
                ],
                ["Your agent", "Bob Agent", "Phone: 512-555-0999", "Email: bob@otheragency.test"],
                ["Listing Agent: Bob Agent", "Phone: 512-555-0999", "Email: bob@otheragency.test"],
                [
                    "You are receiving this email because you advertise with us.",
                    f"{name}, 501 Sample Ave, Richmond, VA 23219",
                ],
                [f"Need help? Call 1-800-555-0199 or write to help@{domain}"],
            ]
        ),
    ]


def _as_text(draft: Draft, dice: Dice) -> str:
    row = dice.choice(["{0}: {1}", "{0}: {1}", "{0} : {1}", "*{0}:* {1}", "{0}:\n{1}", "{0}:   {1}"])
    lines: list[str] = []
    for block in draft.blocks:
        if isinstance(block, list):
            lines += [row.format(label, value) for label, value in block]
            if dice.yes(0.3):
                lines.append("")
        else:
            lines.append(str(block))
    wrapped: list[str] = []
    for line in "\n".join(lines).split("\n"):
        wrapped += textwrap.wrap(line, 76, break_long_words=False, break_on_hyphens=False) if len(line) > 90 else [line]
    return "\n".join(wrapped) + "\n"


def _as_page(draft: Draft, dice: Dice) -> str:
    rows, line = dice.choice(
        [
            ("<table>{}</table>", "<tr><td><b>{0}:</b></td><td>{1}</td></tr>"),
            ("<table>{}</table>", "<tr><th>{0}</th><td>{1}</td></tr>"),
            ("<div>{}</div>", "<strong>{0}:</strong>&nbsp;{1}<br>"),
            ("<div>{}</div>", "<p><b>{0}</b>: {1}</p>"),
            ("<table>{}</table>", '<tr><td style="font-weight:bold">{0}:</td></tr><tr><td>{1}</td></tr>'),
            ("<div>{}</div>", "<div><span>{0}: </span><span>{1}</span></div>"),
        ]
    )
    wrap = dice.choice(["<p>{}</p>", "<div>{}</div>", "<table><tr><td>{}</td></tr></table>"])
    parts = []
    for block in draft.blocks:
        if isinstance(block, list):
            parts.append(rows.format("".join(line.format(escape(k), _marked(v)) for k, v in block)))
        elif block:
            parts.append(wrap.format(_marked(str(block))))
    pixel = '<img src="https://t.portal.test/o.gif?p=5125550142" width="1" height="1" alt="">' if dice.yes(0.5) else ""
    head = "<head><title>Lead</title><style>p{margin:0}</style></head>" if dice.yes(0.5) else ""
    return f"<html>{head}<body>{draft.head}{''.join(parts)}{pixel}</body></html>"


def _marked(text: str) -> str:
    shown = escape(text, quote=False).replace("\n", "<br>")
    if "@" in text and " " not in text:
        return f'<a href="mailto:{text}">{shown}</a>'
    return shown


def _forwarded(draft: Draft, text: str, page: str, dice: Dice) -> tuple[str, str]:
    """What Gmail, Apple Mail and Outlook put above a mail that somebody forwards."""
    mark = dice.choice(["---------- Forwarded message ---------", "Begin forwarded message:", ""])
    headers = [
        ("From", draft.sender),
        ("Date" if mark else "Sent", "Mon, Nov 23, 2026 at 9:15 AM"),
        ("Subject", draft.subject),
        ("To", "<bob@brokerage.test>"),
    ]
    above = "Please take this one.\n\nBob Agent\n512-555-0998\n\n"
    block = "\n".join(filter(None, [mark, *(f"{name}: {value}" for name, value in headers)]))
    shown = "<br>".join(filter(None, [mark, *(f"<b>{name}:</b> {escape(value)}" for name, value in headers)]))
    return f"{above}{block}\n\n{text}", f"<div>{above.replace(chr(10), '<br>')}</div><div>{shown}<br><br></div>{page}"
