"""A sandbox for claims: database, Slack's stand-in and the receiver, all real, and what a test does with them."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.defs.senders import build_senders, routing_terms
from leadflow_pipeline.domain.lead_effects import Channels
from leadflow_pipeline.receiver.app import build_app, start_deliverer
from leadflow_pipeline.runtime.stack import SAMPLE_AGENTS_FILE
from leadflow_pipeline.sandbox.vendor_server import build_app as build_vendor_app
from leadflow_pipeline.sandbox.vendors.registry import build_vendors
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.agents import import_agents, read_agents
from leadflow_pipeline.stages.assigned_leads import AssignedCounts, RoutingTerms, assign_leads
from leadflow_pipeline.stages.deliveries import DeliveryCounts, deliver_effects
from leadflow_pipeline_tests.integration.test_pipeline import land, run_step
from leadflow_pipeline_tests.servers import find_port, serve

HOT = {"message": "cash buyer", "budget": "$750k"}
SLACK_ONLY = Channels(slack=True)
ANA, BEN = "U0ANATORRES", "U0BENWHITFIELD"


@dataclass
class SlackSandbox:
    """A running sandbox."""

    settings: Settings
    database: Database
    terms: RoutingTerms

    def run(self, *, deliver: bool = True) -> AssignedCounts:
        """One run of the hot path."""
        batch = uuid.uuid4()
        for step in ("stage", "normalize", "score"):
            run_step(self.database, batch, step)
        counts = assign_leads(self.database, batch_id=batch, terms=self.terms, channels=SLACK_ONLY)
        if deliver:
            self.deliver()
        return counts

    def deliver(self) -> DeliveryCounts:
        return deliver_effects(self.database, build_senders(self.settings, self.database), seconds=20)

    def post_cards(self, count: int) -> None:
        """Deliver until so many cards are out: they go out one a second."""
        wait_for(lambda: len(self.seen_by(ANA)) >= count or (self.deliver() and False))

    def offer(self, number: int = 1, **fields: object) -> None:
        """A hot lead arrives and its card is posted."""
        land(self.database, number, **{**HOT, **fields})
        assert self.run().offered == 1

    def control(self, **behaviour: object) -> None:
        requests.post(f"{self.settings.sandbox_url}/_control/slack", json=behaviour, timeout=5).raise_for_status()

    def seen_by(self, user: str, channel: str = "C0HOTLEADS") -> list[dict[str, Any]]:
        """The messages that a person sees in a channel."""
        state = requests.get(f"{self.settings.sandbox_url}/_page/slack/state?user={user}", timeout=5).json()
        return next((each["messages"] for each in state["channels"] if each["id"] == channel), [])

    def click(self, user: str, card: int = 0, action: str = "claim_lead", channel: str = "C0HOTLEADS") -> str:
        """Press a card's button; gives the receiver's answer."""
        cards = [message for message in self.seen_by(user, channel) if message["blocks"]]
        asked = {"user": user, "channel": channel, "ts": cards[card]["ts"], "action_id": action}
        answer = requests.post(f"{self.settings.sandbox_url}/_page/slack/click", json=asked, timeout=10).json()
        assert answer["status"] == 200, answer
        return str(answer["body"]["text"])


def text_of(message: dict[str, Any]) -> str:
    """All that a message shows."""
    return str(message["blocks"] or message["text"])


def wait_for(is_so: Callable[[], object], seconds: float = 15) -> None:
    """Comes back when it is so; the deliverer works in a thread of its own."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


@contextmanager
def run_slack_sandbox(database: Database, home: Path, **more: Any) -> Iterator[SlackSandbox]:
    """The sandbox with the sample agents; `more` are settings."""
    settings = Settings(_env_file=None, home=home, sandbox_port=find_port(), receiver_port=find_port(), **more)
    import_agents(database, read_agents(SAMPLE_AGENTS_FILE.read_text(), region="US"))
    terms = routing_terms(settings)
    with (
        serve(build_vendor_app(build_vendors(settings)), settings.sandbox_port),
        serve(build_app(settings, database, wake=start_deliverer(settings, database)), settings.receiver_port),
    ):
        yield SlackSandbox(settings=settings, database=database, terms=terms)
