"""Leads on their way into a stack: by IMAP and by HTTP, one at a time, at a rate, or all at once.

Belongs here: making them, sending them, and when each was sent. What became of them is asked in `timelines`.
"""

import hashlib
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import requests
from imapclient import IMAPClient

from leadflow_pipeline.bench.own_stack import OwnStack
from leadflow_pipeline.sandbox.mailbox import INBOX, SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER
from leadflow_pipeline.sandbox.sample_people import Person, invent_people

POSTS_OF_TEN = 3  # the others are mails, as in the brokerage
SENDERS = 8
TIMEOUT_SECONDS = 30
MESSAGES = (
    "We would like to see the house this weekend.",
    "Is it still available? I am pre-approved.",
    "I am an investor and can close fast.",
    "Just browsing for now.",
    "Please call me about the schools nearby.",
)
STREETS = ("Oak Street", "Elm Court", "Cedar Lane", "Juniper Drive", "Willow Way")
BUDGETS = ("$350,000", "$650,000", "1.2M", "500-600k", "")


@dataclass(frozen=True, kw_only=True)
class SentLead:
    """A lead that was sent, and how to find its event."""

    channel: str  # email or webhook
    sent_at: datetime
    content_hash: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A lead before it is sent."""

    channel: str
    body: bytes

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def write_letters(count: int, *, seed: int) -> list[Letter]:
    """This many different leads of invented people; the same seed gives the same ones."""
    rng = random.Random(seed)
    return [_write(rng, person) for person in itertools.islice(invent_people(seed), count)]


def write_letters_with_addresses(count: int) -> list[Letter]:
    """As many posts of people at companies, each with an address of its own: every vendor can be asked of them."""
    return [Letter(channel="webhook", body=json.dumps(_write_form(number)).encode()) for number in range(count)]


def send_all(stack: OwnStack, letters: Sequence[Letter]) -> list[SentLead]:
    """Send as fast as the stack takes them."""
    return list(_send_in_threads(stack, letters))


def send_at_rate(stack: OwnStack, letters: Sequence[Letter], per_second: float) -> list[SentLead]:
    """Send one after the other at a steady rate, however slowly they are answered."""
    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool, _Doors(stack) as doors:
        sent = []
        for number, letter in enumerate(letters):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            sent.append(pool.submit(doors.send, letter))
        return [each.result() for each in sent]


def send_at_random_phases(stack: OwnStack, letters: Sequence[Letter], *, seconds: float, seed: int) -> list[SentLead]:
    """Send single leads with random pauses, so that they meet every phase of every loop; `seconds` in all."""
    rng = random.Random(seed)
    mean = seconds / max(1, len(letters))
    with _Doors(stack) as doors:
        sent = []
        for letter in letters:
            time.sleep(rng.uniform(0.4, 1.6) * mean)
            sent.append(doors.send(letter))
        return sent


def _send_in_threads(stack: OwnStack, letters: Sequence[Letter]) -> Iterator[SentLead]:
    with ThreadPoolExecutor(SENDERS) as pool, _Doors(stack) as doors:
        yield from pool.map(doors.send, letters)


class _Doors:
    """The stack's mailbox and receiver, with a connection of each kind per thread."""

    def __init__(self, stack: OwnStack) -> None:
        self._stack = stack
        self._own = threading.local()
        self._opened: list[Any] = []

    def __enter__(self) -> "_Doors":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._opened:
            connection.close() if isinstance(connection, requests.Session) else connection.shutdown()

    def send(self, letter: Letter) -> SentLead:
        sent_at = datetime.now(UTC)
        if letter.channel == "email":
            self._mailbox().append(INBOX, letter.body)
        else:
            answer = self._session().post(
                f"{self._stack.receiver_url}/webhooks/website",
                data=letter.body,
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT_SECONDS,
            )
            answer.raise_for_status()
        return SentLead(channel=letter.channel, sent_at=sent_at, content_hash=letter.content_hash)

    def _mailbox(self) -> IMAPClient:
        if not hasattr(self._own, "mailbox"):
            client = IMAPClient(SANDBOX_HOST, port=self._stack.imap_port, ssl=False, timeout=TIMEOUT_SECONDS)
            client.login(SANDBOX_USER, SANDBOX_PASSWORD)
            self._own.mailbox = client
            self._opened.append(client)
        mailbox: IMAPClient = self._own.mailbox
        return mailbox

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._own.session.trust_env = False
            self._opened.append(self._own.session)
        session: requests.Session = self._own.session
        return session


def _write_form(number: int) -> dict[str, str]:
    return {
        "name": f"Person {number}",
        "email": f"person{number}@company{number % 97}.example",
        "phone": f"(512) 555-{number % 100 + 100:04}",
        "address": f"{100 + number} {STREETS[number % len(STREETS)]}, Austin, TX 78704",
        "message": "We are pre-approved." if number % 5 == 0 else "Please call me.",
    }


def _write(rng: random.Random, person: Person) -> Letter:
    message, budget = rng.choice(MESSAGES), rng.choice(BUDGETS)
    phone = f"({person.area_code}) 555-{person.line}"
    if rng.randrange(10) < POSTS_OF_TEN:
        fields = {"name": person.name, "email": person.email, "phone": phone, "message": message, "budget": budget}
        return Letter(channel="webhook", body=json.dumps(fields).encode())
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Website <forms@brokerage.example>"
    mail["To"] = SANDBOX_USER
    mail["Subject"] = "New inquiry"
    mail["Message-ID"] = f"<{rng.getrandbits(64):x}@brokerage.example>"
    mail.set_content(
        f"Name: {person.name}\nEmail: {person.email}\nPhone: {phone}\nBudget: {budget}\nMessage: {message}\n"
    )
    return Letter(channel="email", body=mail.as_bytes())
