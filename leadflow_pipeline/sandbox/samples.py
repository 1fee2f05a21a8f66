"""Sample leads for the demo and the tests: mails and website posts of invented people.

Belongs here: which facts a sample holds, in which layout and encoding, and what should be found in it. The
layouts themselves are the files in sample_layouts/. Does not belong here: sending (mailbox.py, posting.py).
Two samples are no leads: a newsletter, and a form without any contact.
"""

import html
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from itertools import islice
from pathlib import Path
from string import Template
from typing import Literal

from leadflow_pipeline.sandbox.mailbox import SANDBOX_USER
from leadflow_pipeline.sandbox.sample_people import Person, invent_people

Bucket = Literal["low", "standard", "hot"]
Outcome = Literal["lead", "ignored", "quarantined"]
Language = Literal["english", "spanish"]
Shape = Literal["text", "html", "alternative"]

LAYOUT_FOLDER = Path(__file__).with_name("sample_layouts")
ENCODINGS = ("8bit", "quoted-printable", "base64")
# From this many on, the samples hold the two that are no leads.
AWKWARD_FROM = 12
NEWSLETTER_AT, NO_CONTACT_AT = 3, 6
# Of ten samples these are posts, the others mails.
POSTS_OF_TEN = frozenset({2, 5, 8})


@dataclass(frozen=True, kw_only=True)
class SampleMail:
    """One complete mail."""

    raw: bytes
    layout: str
    expected: Mapping[str, str]  # field of the staged lead → its text as written in the mail
    expected_outcome: Outcome
    bucket: Bucket | None  # when every fact is found; the same whether or not an address counts


@dataclass(frozen=True, kw_only=True)
class SamplePost:
    """One post of a form."""

    source: str
    body: Mapping[str, str]
    expected: Mapping[str, str]
    bucket: Bucket


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which scoring facts an inquiry holds."""

    bucket: Bucket
    phone: bool = False
    keyword: bool = False
    budgets: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What one person wants, with every fact as they write it."""

    person: Person
    bucket: Bucket
    name: str
    phone: str | None
    budget: str | None
    message: str
    rng: random.Random


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A mail before its encoding is chosen."""

    sender: Address
    reply_to: Address | None = None
    subject: str
    text: str
    html: str
    found: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One kind of mail, with the inquiries, shapes and language it comes in."""

    name: str
    write: Callable[[Inquiry], Draft]
    recipes: Sequence[Recipe]
    shapes: Sequence[Shape]
    language: Language = "english"


HIGH_BUDGETS = (
    "$650,000",
    "$1.2M",
    "725000",
    "up to $800,000",
    "$600,000 - $750,000",
    "USD 540,000",
    "550k",
    "$500,001",
    "$2,250,000.00",
)
# The formula says above 500,000: exactly that much earns nothing.
LOW_BUDGETS = ("$500,000", "320k", "$285,000", "under $450,000", "$250,000 to $300,000")

NAME_AND_EMAIL = Recipe(bucket="low")
READY = Recipe(bucket="standard", keyword=True)
READY_WITH_PHONE = Recipe(bucket="standard", phone=True, keyword=True)
RICH_WITH_PHONE = Recipe(bucket="standard", phone=True, budgets=HIGH_BUDGETS)
READY_BUT_MODEST = Recipe(bucket="standard", phone=True, keyword=True, budgets=LOW_BUDGETS)
HOT = Recipe(bucket="hot", phone=True, keyword=True, budgets=HIGH_BUDGETS)

POST_RECIPES = (READY_WITH_PHONE, HOT, RICH_WITH_PHONE, NAME_AND_EMAIL, READY_BUT_MODEST, READY)

PHONE_WRITINGS = (
    "({area}) 555-{line}",
    "{area}-555-{line}",
    "{area}.555.{line}",
    "+1 {area} 555 {line}",
    "{area}555{line}",
    "1-{area}-555-{line}",
    "({area}) 555-{line} ext. 12",
)

PLAIN_MESSAGES: Mapping[Language, Sequence[str]] = {
    "english": (
        "I would like to see this house on Saturday morning. Is it still available?",
        "Could you send me more pictures of the kitchen and the yard?",
        "We’re moving to the area for work and want to know more about the schools nearby.",
        "Is there room for negotiation on the price, and how old is the roof?",
    ),
    "spanish": (
        "Me gustaría visitar la casa este fin de semana. ¿Sigue disponible?",
        "¿Podría enviarme más fotos de la cocina y del jardín?",
        "Nos mudamos en otoño y buscamos una casa de tres recámaras cerca de una escuela.",
    ),
}
READY_MESSAGES: Mapping[Language, Sequence[str]] = {
    "english": (
        "We are pre-approved with our bank and would like to see the house this week.",
        "I am an investor looking for two or three rentals in this neighborhood.",
        "I’m a cash buyer and can close in two weeks. When can I see it?",
        "Got my letter, fully Pre-Approved. Please call me about a showing.",
    ),
    "spanish": (
        "Ya tengo la carta pre-approved de mi banco y queremos mudarnos antes de otoño.",
        "Soy investor y busco dos casas para rentar en esta colonia.",
        "Soy cash buyer y puedo cerrar en dos semanas. ¿Cuándo la puedo ver?",
    ),
}
BUDGET_SENTENCES: Mapping[Language, str] = {
    "english": "Our budget is {budget}.",
    "spanish": "Nuestro presupuesto es de {budget}.",
}


def sample_leads(count: int, *, seed: int, now: datetime) -> list[SampleMail | SamplePost]:
    """Mails and posts in turn, about seven to three."""
    is_post = [number % 10 in POSTS_OF_TEN for number in range(count)]
    mails = _mails(is_post.count(False), seed=seed, now=now, with_awkward=count >= AWKWARD_FROM)
    posts = iter(sample_posts(is_post.count(True), seed=seed))
    return [next(posts) if post else next(mails) for post in is_post]


def sample_mails(count: int, *, seed: int, now: datetime) -> list[SampleMail]:
    """Mails of different people; the same seed and time give the same bytes."""
    return list(_mails(count, seed=seed, now=now, with_awkward=count >= AWKWARD_FROM))


def sample_posts(count: int, *, seed: int) -> list[SamplePost]:
    """Posts of the website's form, none by a person of `sample_mails` with the same seed."""
    people = islice(invent_people(seed), 1, None, 2)
    return [_post(number, person, seed) for number, person in enumerate(islice(people, count))]


def _mails(count: int, *, seed: int, now: datetime, with_awkward: bool) -> Iterator[SampleMail]:
    people = islice(invent_people(seed), 0, None, 2)
    for number, person in enumerate(islice(people, count)):
        rng = random.Random(f"mail {seed} {number}")
        sent_at = now - timedelta(seconds=rng.randrange(20))
        if with_awkward and number == NEWSLETTER_AT:
            yield _newsletter(rng, sent_at)
        elif with_awkward and number == NO_CONTACT_AT:
            yield _mail_without_contact(person, rng, sent_at)
        else:
            yield _mail(number, person, rng, sent_at)


def _mail(number: int, person: Person, rng: random.Random, sent_at: datetime) -> SampleMail:
    visit, position = divmod(number, len(LAYOUTS))
    layout = LAYOUTS[position]
    inquiry = _inquire(person, layout.recipes[visit % len(layout.recipes)], layout.language, rng)
    draft = layout.write(inquiry)
    shape = layout.shapes[visit % len(layout.shapes)]
    encoding = ENCODINGS[(visit + position) % len(ENCODINGS)]
    return SampleMail(
        raw=_encode(draft, shape, encoding, rng, sent_at),
        layout=layout.name,
        expected={field: text for field, text in draft.found.items() if text},
        expected_outcome="lead",
        bucket=inquiry.bucket,
    )


def _post(number: int, person: Person, seed: int) -> SamplePost:
    rng = random.Random(f"post {seed} {number}")
    inquiry = _inquire(person, POST_RECIPES[number % len(POST_RECIPES)], "english", rng)
    body = {
        "name": inquiry.name,
        "email": person.email,
        "phone": inquiry.phone or "",
        "message": inquiry.message,
        "address": "" if inquiry.bucket == "low" else person.address,
        "budget": inquiry.budget or "",
    }
    expected = {field: text for field, text in body.items() if text}
    return SamplePost(source="website", body=body, expected=expected, bucket=inquiry.bucket)


def _inquire(person: Person, recipe: Recipe, language: Language, rng: random.Random) -> Inquiry:
    messages = READY_MESSAGES if recipe.keyword else PLAIN_MESSAGES
    writing = rng.choice(PHONE_WRITINGS)
    return Inquiry(
        person=person,
        bucket=recipe.bucket,
        name=_write_name(person.name, rng),
        phone=writing.format(area=person.area_code, line=person.line) if recipe.phone else None,
        budget=rng.choice(recipe.budgets) if recipe.budgets else None,
        message=rng.choice(messages[language]),
        rng=rng,
    )


def _write_name(name: str, rng: random.Random) -> str:
    return rng.choice((name, name, name, name, name.upper(), name.lower()))


def _write_realtor_com(inquiry: Inquiry) -> Draft:
    person = inquiry.person
    first_name, last_name = inquiry.name.split(" ", 1)
    mls_id = str(inquiry.rng.randrange(1_000_000, 9_999_999))
    values = {
        "first_name": first_name,
        "last_name": last_name,
        "email": person.email,
        "phone": inquiry.phone or "",
        "message": inquiry.message,
        "street": person.street,
        "city_line": person.city_line,
        "mls_id": mls_id,
    }
    return Draft(
        sender=Address("realtor.com", addr_spec="leads@email.realtor.com"),
        subject=f"New realtor.com lead - {inquiry.name}",
        text=_fill("realtor_com.txt", values),
        html=_fill_html("realtor_com.html", values),
        found=_found(inquiry)
        | {
            "first_name": first_name,
            "last_name": last_name,
            "property_address": person.address,
            "property_mls_id": mls_id,
        },
    )


def _write_contact_form_7(inquiry: Inquiry) -> Draft:
    subject = inquiry.rng.choice(("Viewing request", "Question about a listing", "Please call me"))
    message = _say_everything(inquiry, "english")
    if inquiry.phone:
        message += f"\n\nYou can call me at {inquiry.phone}."
    values = {"name": inquiry.name, "email": inquiry.person.email, "subject": subject, "message": message}
    text = _fill("contact_form_7.txt", values)
    return Draft(
        sender=Address("Bluebonnet Realty", addr_spec="wordpress@example.net"),
        reply_to=Address(addr_spec=inquiry.person.email),
        subject=f'Bluebonnet Realty "{subject}"',
        text=text,
        html=_as_html(text),
        found=_found(inquiry),
    )


def _write_labelled(inquiry: Inquiry) -> Draft:
    values = {
        "name": inquiry.name,
        "email": inquiry.person.email,
        "phone": inquiry.phone or "",
        "budget": inquiry.budget or "",
        "message": inquiry.message,
    }
    return Draft(
        sender=Address("Bluebonnet Realty website", addr_spec="no-reply@example.org"),
        subject="New inquiry from the website",
        text=_fill("labelled.txt", values),
        html=_fill_html("labelled.html", values),
        found=_found(inquiry),
    )


def _write_english(inquiry: Inquiry) -> Draft:
    email = inquiry.person.email
    reach = f"You can reach me at {inquiry.phone} or {email}." if inquiry.phone else f"Please write to {email}."
    return _write_prose(inquiry, "english", reach, subject="Looking for a house")


def _write_spanish(inquiry: Inquiry) -> Draft:
    email = inquiry.person.email
    reach = f"Mi teléfono es {inquiry.phone} y mi correo {email}." if inquiry.phone else f"Escríbame a {email}."
    return _write_prose(inquiry, "spanish", reach, subject="Información sobre una casa")


def _write_prose(inquiry: Inquiry, language: Language, how_to_reach: str, *, subject: str) -> Draft:
    message = _say_everything(inquiry, language)
    values = {"name": inquiry.name, "message": message, "how_to_reach": how_to_reach}
    text = _fill(f"prose_{language}.txt", values).replace("..", ".")  # a name may end in "Jr."
    return Draft(
        sender=Address(inquiry.name, addr_spec=inquiry.person.email),
        subject=subject,
        text=text,
        html=_as_html(text),
        found=_found(inquiry),
    )


def _say_everything(inquiry: Inquiry, language: Language) -> str:
    if inquiry.budget is None:
        return inquiry.message
    return f"{inquiry.message} {BUDGET_SENTENCES[language].format(budget=inquiry.budget)}"


def _found(inquiry: Inquiry) -> dict[str, str | None]:
    return {
        "name": inquiry.name,
        "email": inquiry.person.email,
        "phone": inquiry.phone,
        "budget": inquiry.budget,
    }


def _newsletter(rng: random.Random, sent_at: datetime) -> SampleMail:
    text = _fill("newsletter.txt", {})
    draft = Draft(
        sender=Address("Texas Market Letter", addr_spec="letter@example.com"),
        subject="The market this month",
        text=text,
        html=_as_html(text),
        found={},
    )
    bulk = {"List-Id": "Texas Market Letter <letter.example.com>", "Precedence": "bulk"}
    raw = _encode(draft, "alternative", "quoted-printable", rng, sent_at, more_headers=bulk)
    return SampleMail(raw=raw, layout="newsletter", expected={}, expected_outcome="ignored", bucket=None)


def _mail_without_contact(person: Person, rng: random.Random, sent_at: datetime) -> SampleMail:
    text = _fill("no_contact.txt", {"name": person.name, "message": "I want to see a house."})
    draft = Draft(
        sender=Address("Bluebonnet Realty website", addr_spec="no-reply@example.org"),
        subject="New inquiry from the website",
        text=text,
        html=_as_html(text),
        found={"name": person.name},
    )
    return SampleMail(
        raw=_encode(draft, "text", "8bit", rng, sent_at),
        layout="no_contact",
        expected={"name": person.name},
        expected_outcome="quarantined",
        bucket=None,
    )


def _encode(
    draft: Draft,
    shape: Shape,
    encoding: str,
    rng: random.Random,
    sent_at: datetime,
    more_headers: Mapping[str, str] | None = None,
) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["Date"] = format_datetime(sent_at)
    mail["Message-ID"] = f"<{rng.getrandbits(96):024x}@mail.example.com>"
    mail["From"] = draft.sender
    mail["To"] = Address(addr_spec=SANDBOX_USER)
    if draft.reply_to:
        mail["Reply-To"] = draft.reply_to
    mail["Subject"] = draft.subject
    for name, value in (more_headers or {}).items():
        mail[name] = value
    if shape == "html":
        mail.set_content(draft.html, subtype="html", cte=encoding)
    else:
        mail.set_content(draft.text, cte=encoding)
    if shape == "alternative":
        mail.add_alternative(draft.html, subtype="html", cte=encoding)
        # The one the library would make up differs each time.
        mail.set_boundary(f"=_{rng.getrandbits(64):016x}")
    return mail.as_bytes()


def _fill(layout: str, values: Mapping[str, str]) -> str:
    return _read_layout(layout).substitute(values)


@cache
def _read_layout(layout: str) -> Template:
    return Template((LAYOUT_FOLDER / f"{layout}.tmpl").read_text(encoding="utf-8"))


def _fill_html(layout: str, values: Mapping[str, str]) -> str:
    return _fill(layout, {name: html.escape(value) for name, value in values.items()})


def _as_html(text: str) -> str:
    paragraphs = (html.escape(part).replace("\n", "<br>\n") for part in text.strip().split("\n\n"))
    return "<html><body>\n" + "\n".join(f"<p>{part}</p>" for part in paragraphs) + "\n</body></html>\n"


LAYOUTS = (
    Layout(
        name="realtor_com",
        write=_write_realtor_com,
        recipes=(READY_WITH_PHONE, NAME_AND_EMAIL, READY),
        shapes=("text", "alternative"),
    ),
    Layout(
        name="labelled",
        write=_write_labelled,
        recipes=(HOT, RICH_WITH_PHONE, READY_BUT_MODEST, NAME_AND_EMAIL),
        shapes=("text", "html", "alternative"),
    ),
    Layout(
        name="prose_english",
        write=_write_english,
        recipes=(READY_WITH_PHONE, HOT, READY, RICH_WITH_PHONE, NAME_AND_EMAIL),
        shapes=("text", "alternative", "html"),
    ),
    Layout(
        name="contact_form_7",
        write=_write_contact_form_7,
        recipes=(NAME_AND_EMAIL, READY_WITH_PHONE, HOT),
        shapes=("text",),
    ),
    Layout(
        name="prose_spanish",
        write=_write_spanish,
        recipes=(READY_WITH_PHONE, RICH_WITH_PHONE, HOT),
        shapes=("alternative", "text", "html"),
        language="spanish",
    ),
)
