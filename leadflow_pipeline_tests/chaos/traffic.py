"""The leads of a chaos run: sent by IMAP and HTTP at a steady rate, and known by a mark that each carries.

What is not accepted is sent again as it is, as real senders do; what was accepted must not get lost.
"""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field

import requests

from leadflow_pipeline.sandbox.mailbox import SANDBOX_HOST, SANDBOX_PASSWORD, SANDBOX_USER, append_mails
from leadflow_pipeline_tests.end_to_end.test_stack import RunningStack

POSTS_OF_TEN = 7
# One lead in so many is hot: it is offered in Slack first, where a channel takes one card a second.
HOT_EVERY = 25


@dataclass
class Traffic:
    """Leads that were accepted, by their e-mail, and when."""

    stack: RunningStack
    rate: float
    seed: int
    accepted: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send until told to stop."""
        chance = random.Random(self.seed)
        waiting: list[tuple[int, bool]] = []
        began = time.monotonic()
        for number in itertools.count():
            while time.monotonic() < began + number / self.rate:
                if self._stop.wait(0.01):
                    return
            waiting.append((number, chance.random() * 10 < POSTS_OF_TEN))
            for lead in waiting[:20]:
                if not self._send(*lead):
                    break
                waiting.remove(lead)
                self.accepted[email_of(self.seed, lead[0])] = time.time()

    def stop(self) -> None:
        self._stop.set()

    def find_accepted_since(self, moment: float) -> str | None:
        """The first lead accepted after `moment` that is given out at once."""
        for email, at in list(self.accepted.items()):
            if at > moment and number_of(email) % HOT_EVERY:
                return email
        return None

    def _send(self, number: int, by_post: bool) -> bool:
        email = email_of(self.seed, number)
        person = {"name": f"Chaos Person{letters(number)}", "email": email, "phone": phone_of(number)}
        message = f"I am a cash buyer, inquiry {number}."
        budget = "$750k" if number % HOT_EVERY == 0 else "$300k"
        try:
            if by_post:
                url = f"{self.stack.receiver}/webhooks/website"
                form = {**person, "message": message, "budget": budget}
                answer = requests.post(url, json=form, headers={"Idempotency-Key": email}, timeout=5)
                return answer.status_code in (200, 202)
            facts = {**{name.title(): value for name, value in person.items()}, "Budget": budget, "Message": message}
            mail = (
                f"From: website@example.org\r\nTo: leads@example.com\r\nSubject: Inquiry {number}\r\n"
                f"Message-ID: <{email}>\r\n\r\n" + "".join(f"{name}: {value}\r\n" for name, value in facts.items())
            )
            append_mails(SANDBOX_HOST, self.stack.imap_port, SANDBOX_USER, SANDBOX_PASSWORD, [mail.encode()])
            return True
        except Exception:  # noqa: BLE001 - whatever a dead server does to its clients
            return False


def email_of(seed: int, number: int) -> str:
    return f"chaos{seed}x{number}@example.com"


def number_of(email: str) -> int:
    return int(email.partition("x")[2].partition("@")[0])


def phone_of(number: int) -> str:
    """A number of their own for everybody: who shares one is taken for one person."""
    return f"({512 + number // 10_000}) 555-{number % 10_000:04d}"


def letters(number: int) -> str:
    """A number as letters, since names have no digits."""
    return "".join(chr(97 + int(digit)) for digit in str(number))
