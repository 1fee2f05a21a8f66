"""Which sender carries which kind of effect: adapters by the settings, handed to the senders of the stages.

A kind without a sender waits in the outbox: its vendor is not configured.
"""

from collections.abc import Mapping
from datetime import timedelta

from leadflow_pipeline.adapters.slack import PostedMessage, SlackChat
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.alerts import AlertSender, Links
from leadflow_pipeline.stages.assigned_leads import RoutingTerms
from leadflow_pipeline.stages.deliveries import Sender
from leadflow_pipeline.stages.slack_effects import SlackTerms, build_slack_senders
from leadflow_pipeline.stages.store import Store


def build_senders(settings: Settings, store: Store) -> Mapping[str, Sender]:
    """The senders of a stack with these settings, by kind of effect."""
    return {**_build_slack_senders(settings, store), **_build_alert_sender(settings, store)}


def routing_terms(settings: Settings) -> RoutingTerms:
    """How leads are given out. Without Slack nothing is offered."""
    return RoutingTerms(
        claims=ClaimTerms(window=settings.claim_seconds) if settings.slack_account() else None,
        same_inquiry=timedelta(minutes=settings.same_inquiry_minutes),
    )


class TechChannel:
    """The chat of alerts, on the Slack adapter."""

    def __init__(self, slack: SlackChat) -> None:
        self._slack = slack

    def post(self, channel: str, text: str) -> tuple[str, str]:
        """Post a message; gives Slack's ids of the channel and of the message."""
        posted = self._slack.post(channel, text=text)
        return posted.channel, posted.ts

    def update(self, channel: str, message: str, text: str) -> None:
        """Put a new text in a message's place."""
        self._slack.update(PostedMessage(channel=channel, ts=message), text=text, blocks=())


def _build_alert_sender(settings: Settings, store: Store) -> Mapping[str, Sender]:
    account = settings.slack_account()
    if account is None:
        return {}
    links = Links(dagster_url=settings.dagster_link, runbook=settings.runbook_url or "docs/runbook")
    chat = TechChannel(SlackChat(account))
    return {"ops_alert": AlertSender(store, chat=chat, channel=settings.slack_tech_channel, links=links)}


def _build_slack_senders(settings: Settings, store: Store) -> Mapping[str, Sender]:
    account = settings.slack_account()
    if account is None:
        return {}
    terms = SlackTerms(
        channel=account.hot_channel,
        claims=ClaimTerms(window=settings.claim_seconds),
        hides_contact=settings.claim_hides_contact,
    )
    return build_slack_senders(store, SlackChat(account), terms)
