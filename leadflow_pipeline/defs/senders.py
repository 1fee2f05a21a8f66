"""Which sender carries which kind of effect: adapters by the settings, handed to the senders of the stages.

A kind without a sender waits in the outbox: its vendor is not configured.
"""

from collections.abc import Mapping
from datetime import timedelta

from leadflow_pipeline.adapters.follow_up_boss import FollowUpBoss
from leadflow_pipeline.adapters.hubspot import HubSpot
from leadflow_pipeline.adapters.mail_server import MailboxRefusedError, SmtpServer
from leadflow_pipeline.adapters.mail_templates import MailTemplates
from leadflow_pipeline.adapters.slack import PostedMessage, SlackChat
from leadflow_pipeline.adapters.twilio import OptedOutError, Twilio
from leadflow_pipeline.domain.crm_notices import read_stages
from leadflow_pipeline.domain.routing.claims import ClaimTerms
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.alert_mails import AlertMailSender
from leadflow_pipeline.stages.alerts import AlertSender, Links
from leadflow_pipeline.stages.assigned_leads import RoutingTerms
from leadflow_pipeline.stages.crm_notices import NoticeSender
from leadflow_pipeline.stages.crm_senders import build_crm_senders
from leadflow_pipeline.stages.deliveries import Budget, Sender
from leadflow_pipeline.stages.drip_sender import DripSender
from leadflow_pipeline.stages.slack_effects import SlackTerms, build_slack_senders
from leadflow_pipeline.stages.store import Store
from leadflow_pipeline.stages.text_sender import TextSender
from leadflow_pipeline.vendor_settings import VendorAccess


def build_senders(settings: Settings, store: Store) -> Mapping[str, Sender]:
    """The senders of a stack with these settings, by kind of effect."""
    senders: dict[str, Sender] = {}
    crm = _build_crm(settings)
    if crm is not None:
        senders |= build_crm_senders(store, crm, time_zone=settings.time_zone)
        senders["crm_notice"] = NoticeSender(store, crm, read_stages(settings.crm_stages))
    if found := settings.find_vendor("twilio"):
        senders["sms"] = TextSender(
            store=store, texts=_build_twilio(settings, found), opted_out=OptedOutError, public_url=settings.open_url
        )
    if settings.sends_mail:
        senders["drip_mail"] = build_drip_sender(settings, store)
    return {**senders, **_build_slack_senders(settings, store), **_build_alert_senders(settings, store)}


def build_drip_sender(settings: Settings, store: Store) -> DripSender:
    """The sender of the drip's mails."""
    sender, postal_address = settings.mail_sender
    return DripSender(
        store=store,
        server=_build_mail_server(settings),
        templates=MailTemplates(),
        refused=MailboxRefusedError,
        sender=sender,
        postal_address=postal_address,
        public_url=settings.open_url,
        time_zone=settings.time_zone,
    )


def _build_mail_server(settings: Settings) -> SmtpServer:
    if settings.smtp_host is None:
        assert settings.sandbox_smtp_port is not None
        return SmtpServer(host="127.0.0.1", port=settings.sandbox_smtp_port, security="none")
    password = settings.smtp_password
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=password.get_secret_value() if password else None,
        seconds=settings.vendor_timeout_seconds,
        ca_file=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
    )


def name_budgets(settings: Settings) -> Mapping[str, Budget]:
    """The budget of each line that has one, by the line's name."""
    budgets = {"smtp": Budget(vendor="smtp")}
    if settings.crm_in_use is not None:
        budgets["crm"] = Budget(vendor=settings.crm_in_use)
    _, sender = settings.twilio_numbers
    # A number sends a text a second; a messaging service has many.
    budgets["twilio"] = Budget(vendor="twilio", scope="" if sender.startswith("MG") else sender)
    return budgets


def _build_crm(settings: Settings) -> FollowUpBoss | HubSpot | None:
    crm = settings.crm_in_use
    found = settings.find_vendor(crm) if crm else None
    if found is None:
        return None
    seconds = settings.vendor_timeout_seconds
    if crm == "hubspot":
        return HubSpot(found.url, found.key, seconds=seconds)
    # The first one given is the one that is good on both sides of a rotation.
    system_key = next(iter(settings.crm_secrets("followupboss")), None) if not found.is_stand_in else None
    return FollowUpBoss(found.url, found.key, system_key=system_key, seconds=seconds)


def _build_twilio(settings: Settings, found: VendorAccess) -> Twilio:
    account_sid, sender = settings.twilio_numbers
    has_callback = settings.public_url is not None or found.is_stand_in
    return Twilio(
        found.url,
        account_sid,
        found.key,
        sender=sender,
        # Nobody outside reaches this machine's own address.
        status_callback=f"{settings.open_url}/twilio/status" if has_callback else None,
        seconds=settings.vendor_timeout_seconds,
    )


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


def _build_alert_senders(settings: Settings, store: Store) -> Mapping[str, Sender]:
    senders: dict[str, Sender] = {}
    links = Links(dagster_url=settings.dagster_link, runbook=settings.runbook_url or "docs/runbook")
    account = settings.slack_account()
    if account is not None:
        chat = TechChannel(SlackChat(account))
        senders["ops_alert"] = AlertSender(store, chat=chat, channel=settings.slack_tech_channel, links=links)
    if settings.mails_alerts:
        assert settings.alert_mail_to is not None
        senders["alert_mail"] = AlertMailSender(
            store=store,
            server=_build_mail_server(settings),
            sender=settings.mail_from or settings.alert_mail_to,
            to=settings.alert_mail_to,
            links=links,
        )
    return senders


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
