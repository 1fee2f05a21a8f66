"""The thirteen traps of lead-sources 1.10: each one cost somebody leads, or made strangers one person."""

from email.message import EmailMessage

from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.domain.mail_outcomes import MailOutcome, judge_mail
from leadflow_pipeline.domain.staged_leads import StagedLead

RULES = load_rules()
SITE = "Sample Site <noreply@site.test>"
REALTOR = "realtor.com <leads@email.realtor.com>"


def judged(text: str = "", *, sender: str = SITE, subject: str = "x", page: str = "", **headers: str) -> MailOutcome:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "leads@brokerage.test", subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    if page:
        message.set_content(page, subtype="html")
    else:
        message.set_content(text)
    return judge_mail(message.as_bytes(), RULES)


def read(text: str = "", *, sender: str = SITE, subject: str = "x", page: str = "", **headers: str) -> StagedLead:
    outcome = judged(text, sender=sender, subject=subject, page=page, **headers)
    assert outcome.lead is not None, outcome.reason
    return outcome.lead


def test_name_inside_first_name_is_not_name() -> None:
    """Trap 1: `Name:` matched inside `First Name:` and swallowed the next line."""
    lead = read("First Name: Ada\nLast Name: Example\nPhone Number: 512-555-0142\n", sender=REALTOR)
    assert (lead.first_name, lead.last_name, lead.name) == ("Ada", "Example", "Ada Example")
    only_first = read("First Name: Ada\nPhone: 512-555-0142\n")
    assert (only_first.first_name, only_first.last_name, only_first.name) == ("Ada", None, "Ada")


def test_portal_footer_and_agent_addresses_are_not_the_leads() -> None:
    """Trap 2: the first address of a Realtor.com page is the portal's; agents and footers have theirs too."""
    page = (
        '<p>Add <a href="mailto:leads@email.realtor.com">leads@email.realtor.com</a> to your safe senders.</p>'
        "<p>First Name: Ada</p><p>Last Name: Example</p><p>Phone Number: 512-555-0142</p><p>Comment: Hi</p>"
        '<h3>Listing Agent</h3><p>Name: Bob Agent</p><p>Email: <a href="mailto:bob@otheragency.test">Bob</a></p>'
        "<p>Phone: 512-555-0199</p>"
    )
    lead = read(sender=REALTOR, page=page)
    assert (lead.email, lead.phone, lead.name) == (None, "512-555-0142", "Ada Example")
    nobody = judged(sender=REALTOR, page=page.replace("512-555-0142", ""))
    assert nobody.outcome == "quarantined"


def test_digits_of_a_relay_token_are_no_phone() -> None:
    """Trap 3: relay tokens look like phone numbers."""
    lead = read("Ada says:\nHi 5125550142@convo.zillow.com\n", sender="Ada <5125550142@convo.zillow.com>")
    assert (lead.phone, lead.relay_email, lead.email) == (None, "5125550142@convo.zillow.com", None)


def test_the_full_stop_of_the_subject_is_not_in_the_address() -> None:
    """Trap 4: the agent app ends its subject with a full stop."""
    lead = read(
        "Open the app",
        sender="no-reply@realtorpro.io",
        subject="New inquiry: Ada Example (512) 555-0142 ada@example.net.",
    )
    assert (lead.name, lead.phone, lead.email) == ("Ada Example", "(512) 555-0142", "ada@example.net")


def test_a_source_is_compared_whole() -> None:
    """Trap 5: `Homes.com` matched `Homespotter.com`, as a sender and as the name in the metadata."""
    body = "Name: Ada Example\nPhone: 512-555-0142\nMessage: Is it still available?\n"
    assert judged(body, sender="noreply@homespotter.com").source == "generic"
    assert judged(body, sender="noreply@homes.com").source == "homes_com"
    tags = (
        '<meta name="lead_information_version" content="1.0"><meta name="lead_source" content="{}">'
        '<meta name="lead_name" content="Ada"><meta name="lead_phone" content="512-555-0142">'
    )
    assert judged(page=tags.format("Homespotter.com")).source == "generic"
    assert judged(page=tags.format("Homes.com")).source == "homes_com"


def test_a_price_in_the_subject_is_not_in_the_name() -> None:
    """Trap 6: Follow Up Boss ends the subject with the price."""
    lead = read(
        "Lead alert for Ada Example from Zillow interested in 12 Oak St, Austin, TX ($450,000)\nEmail: ada@example.net",
        sender="leads@followupboss.com",
        subject="Lead Alert from Zillow - Ada Example - $450,000",
    )
    assert (lead.name, lead.property_price) == ("Ada Example", "$450,000")


def test_an_address_over_two_lines_keeps_its_unit() -> None:
    """Trap 7: one or two lines, `#B-204`, then MLSID."""
    body = (
        "First Name: Ada\nEmail Address: ada@example.net\nProperty Address: 1 Test Way #B-204\nAustin, TX 78704\n"
        "MLSID # 4711\n"
    )
    lead = read(body, sender=REALTOR)
    assert (lead.property_address, lead.property_mls_id) == ("1 Test Way #B-204, Austin, TX 78704", "4711")
    one = read(body.replace("\nAustin", ", Austin"), sender=REALTOR)
    assert one.property_address == "1 Test Way #B-204, Austin, TX 78704"


def test_invisible_characters_and_left_overs_do_not_hide_labels() -> None:
    """Trap 8: quoted-printable left-overs, zero-width characters, non-breaking spaces."""
    body = "First\u00a0Name:\u00a0Ada=20\nPho\u200bne Number:\u00a0512-555-0142=20\nEmail=\n Address: ada@example.net\n"
    lead = read(body, sender=REALTOR)
    assert (lead.first_name, lead.phone, lead.email) == ("Ada", "512-555-0142", "ada@example.net")


def test_a_forwarded_mail_is_its_first_senders() -> None:
    """Trap 9: by hand the mail stands in the text; a program keeps the sender in X-Original-From."""
    inner = "First Name: Ada\nLast Name: Example\nPhone Number: 512-555-0142\n"
    by_hand = judged(
        f"Yours?\nBob\n512-555-0199\n\n---------- Forwarded message ---------\nFrom: {REALTOR}\n"
        f"Date: Mon, Nov 23, 2026\nSubject: New realtor.com lead - Ada Example\nTo: <bob@brokerage.test>\n\n{inner}",
        sender="Bob <bob@brokerage.test>",
        subject="Fwd: New realtor.com lead - Ada Example",
    )
    by_program = judged(inner, sender="Leads <leads@brokerage.test>", X_Original_From=REALTOR)
    for outcome in (by_hand, by_program):
        assert outcome.lead is not None
        assert (outcome.source, outcome.lead.name, outcome.lead.phone) == ("realtor_com", "Ada Example", "512-555-0142")


def test_other_mails_of_lead_senders_are_no_leads() -> None:
    """Trap 10: security codes, application notices, hot sheets, replies in known conversations."""
    others = {
        "security code or account notice": ("noreply@email.streeteasy.com", "Your security code", "Code: 482913"),
        "application notice of a known person": ("no-reply@comet.zillow.com", "New rental application", "Ada applied"),
        "digest or notice of the portal": ("leads@followupboss.com", "Your Hot Sheet", "Ada 512-555-0142"),
        "reply in a known conversation": ("Ada <x@convo.zillow.com>", "Re: Ada is requesting information", "ok"),
        "text message of a known person": ("no-reply@realtorpro.io", "New text message from Ada", "512-555-0142"),
    }
    for reason, (sender, subject, text) in others.items():
        outcome = judged(text, sender=sender, subject=subject)
        assert (outcome.outcome, outcome.reason) == ("ignored", reason)


def test_a_missing_phone_stays_missing() -> None:
    """Trap 11: 9999999999 in its place made strangers one person."""
    for value in ("", "N/A", "Not provided", "none", "-", "01/15/2027"):
        assert (
            read(f"First Name: Ada\nEmail Address: ada@example.net\nPhone Number: {value}\n", sender=REALTOR).phone
            is None
        )


def test_a_mail_that_was_seen_is_judged_like_any_other() -> None:
    """Trap 12: reading only unread mail loses leads; what a mail says does not depend on who opened it."""
    body = "First Name: Ada\nPhone Number: 512-555-0142\n"
    seen = judged(body, sender=REALTOR, Status="RO", X_Status="A", X_Mozilla_Status="0001")
    assert seen == judged(body, sender=REALTOR)


def test_portal_mail_and_alert_agree_on_the_person() -> None:
    """Trap 13: the same person through portal and Follow Up Boss within a minute must be one person to match."""
    portal = read(
        "First Name: Ada\nLast Name: Example\nEmail Address: Ada@Example.net\nPhone Number: 512-555-0142\n"
        "Property Address: 12 Oak St, Austin, TX 78704\n",
        sender=REALTOR,
    )
    alert = read(
        "Lead alert for Ada Example from Realtor.com interested in 12 Oak St, Austin, TX 78704 ($450,000)\n"
        "User provided phone number: 512-555-0142\nEmail: ada@example.net\n",
        sender="leads@followupboss.com",
        subject="Lead Alert from Realtor.com - Ada Example - $450,000",
    )
    for fact in ("name", "email", "phone", "property_address"):
        assert getattr(portal, fact) == getattr(alert, fact)
