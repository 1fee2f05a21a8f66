"""Whose word counts: metadata, ADF, the source's rule, labels, prose; and whether the mail is from whom it says."""

from email.message import EmailMessage
from typing import Any

import pytest

from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.domain.mail_outcomes import MailOutcome, judge_mail
from leadflow_pipeline.domain.mail_trust import NOBODY, OurMail
from leadflow_pipeline.domain.staged_leads import StagedLead

RULES = load_rules()
REALTOR = "realtor.com <leads@email.realtor.com>"
SITE = "Sample Site <noreply@site.test>"
ADF = """<?adf version="1.0"?><adf><prospect><customer><contact><name part="full">Adf Example</name>
<email>adf@example.net</email><phone>512-555-0100</phone></contact><comments>From the ADF</comments></customer>
<provider><name part="full">Sample Portal</name></provider></prospect></adf>"""


def tags(**values: str) -> str:
    named = {"information_version": "1.0", **values}
    return "".join(f'<meta name="lead_{name}" content="{value}">' for name, value in named.items())


def judged(
    text: str | None = None, *, page: str | None = None, sender: str = SITE, subject: str = "x", **keywords: Any
) -> MailOutcome:
    headers = keywords.pop("headers", {})
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "leads@brokerage.test", subject
    for name, value in headers.items():
        message[name] = value
    if text is not None:
        message.set_content(text)
    if page is not None:
        (message.set_content if text is None else message.add_alternative)(page, subtype="html")
    return judge_mail(message.as_bytes(), RULES, **keywords)


def read(text: str | None = None, **keywords: Any) -> StagedLead:
    outcome = judged(text, **keywords)
    assert outcome.lead is not None, outcome.reason
    return outcome.lead


def test_each_fact_comes_from_the_most_trusted_place_that_has_it() -> None:
    """Redesigns break layouts, not metadata; what metadata leaves out is filled from below, and each says whence."""
    lead = read(
        ADF + "\nEmail Address: rule@example.net\nLast Name: Ignored\nMLSID # 4711\nBudget: $400k\n",
        page=tags(name="Meta Example", message="My number is 512-555-0177 and I am Meta.") + "<p>Budget: $400k</p>",
        sender=REALTOR,
    )
    assert (lead.name, lead.email, lead.phone) == ("Meta Example", "adf@example.net", "512-555-0100")
    assert (lead.property_mls_id, lead.budget, lead.last_name) == ("4711", "$400k", None)
    assert {fact: origin.partition(":")[0] for fact, origin in lead.origins.items()} == {
        "name": "metadata",
        "message": "metadata",
        "email": "adf",
        "phone": "adf",
        "property_mls_id": "rule",
        "budget": "labels",
        "lead_type": "metadata",
    }


def test_what_the_person_typed_fills_last() -> None:
    """A portal without a number, and a message that has one."""
    lead = read("First Name: Ada\nEmail Address: ada@example.net\nComment: Call 512-555-0142.", sender=REALTOR)
    assert (lead.phone, lead.origins["phone"]) == ("512-555-0142", "prose: message")


def test_metadata_counts_anywhere_in_the_page_but_only_in_version_1() -> None:
    """By rule in the head, in practice anywhere; another version may mean other things by the same names."""
    body = f"<p>Hi</p><div>{tags(name='Ada Example', phone='512-555-0142')}</div>"
    assert read(page=body).name == "Ada Example"
    assert judged(page=body.replace('"1.0"', '"2.0"')).outcome == "quarantined"


def test_metadata_keeps_what_has_no_field_of_its_own() -> None:
    """`lead_tag` may stand there several times; up to a hundred names are custom."""
    page = tags(name="Ada", phone="512-555-0142", financing="Cash", tag="Hot", assigned_agent="Bob")
    lead = read(page=page + '<meta name="lead_tag" content="VIP">')
    assert lead.extra["lead_tag"] == ["Hot", "VIP"]
    assert (lead.extra["lead_financing"], lead.extra["lead_assigned_agent"]) == ("Cash", "Bob")


@pytest.mark.parametrize(("stated", "expected"), [({}, "Buyer"), ({"type": "Seller"}, "Seller")])
def test_a_lead_is_a_buyer_where_metadata_does_not_say(stated: dict[str, str], expected: str) -> None:
    """The default of the standard."""
    assert read(page=tags(name="Ada", phone="512-555-0142", **stated)).lead_type == expected


def test_metadata_joins_the_parts_of_the_address() -> None:
    """The standard gives street, city, state and code one by one."""
    parts = {
        "property_address": "12 Oak St",
        "property_city": "Austin",
        "property_state": "TX",
        "property_zip": "78704",
    }
    assert read(page=tags(phone="512-555-0142", **parts)).property_address == "12 Oak St, Austin, TX 78704"


@pytest.mark.parametrize(
    ("sender", "named", "source"),
    [
        (REALTOR, "Zillow", "realtor_com"),
        (SITE, "Homes.com", "homes_com"),
        (SITE, "homes.com", "homes_com"),
        (SITE, "Homespotter.com", "generic"),
        (SITE, "My Site", "generic"),
    ],
)
def test_the_source_is_the_known_sender_else_the_exact_name(sender: str, named: str, source: str) -> None:
    """Trap 5: `Homes.com` is not `Homespotter.com`."""
    outcome = judged(page=tags(name="Ada", phone="512-555-0142", source=named), sender=sender)
    assert outcome.source == source


def test_an_adf_of_a_stranger_is_source_adf() -> None:
    """Its provider is no source we know."""
    outcome = judged(ADF)
    assert (outcome.source, outcome.rule) == ("adf", "adf")


def test_a_changed_layout_with_metadata_is_still_a_lead() -> None:
    """That is what the standard is for."""
    outcome = judged(page=tags(name="Ada", phone="512-555-0142") + "<p>All new!</p>", sender=REALTOR)
    assert (outcome.outcome, outcome.source) == ("lead", "realtor_com")


HOST = "mx.brokerage.test"
OURS = OurMail(addresses=frozenset({"leads@brokerage.test"}), hosts=frozenset({HOST}))


def mark(results: str | None, *, sender: str = REALTOR, ours: OurMail = OURS, extra: str = "") -> Any:
    headers = {"Authentication-Results": results} if results else {}
    lead = read(
        "First Name: Ada\nName: Ada\nPhone Number: 512-555-0142\nPhone: 512-555-0142\nMessage: Hi" + extra,
        sender=sender,
        headers=headers,
        ours=ours,
    )
    return lead.extra["authentication"], lead.extra.get("suspected_forgery", False)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (f"{HOST}; dmarc=pass (p=REJECT) header.from=email.realtor.com", ("pass", False)),
        (f"{HOST}; dkim=pass header.d=realtor.com; spf=none", ("pass", False)),
        (f"{HOST}; spf=pass smtp.mailfrom=bounce@email.realtor.com", ("pass", False)),
        (f"{HOST} 1; dkim=pass header.i=@email.realtor.com header.b=x", ("pass", False)),
        (f"{HOST}; dkim=pass header.d=evil.test; spf=pass smtp.mailfrom=a@evil.test", ("fail", True)),
        (f"{HOST}; dmarc=fail header.from=email.realtor.com", ("fail", True)),
        (f"{HOST}; dkim=pass header.d=notrealtor.com", ("fail", True)),
        (f"{HOST}; dkim=pass header.d=com", ("fail", True)),
        (f"{HOST}; none", ("none", False)),
        (f"{HOST}; dmarc=temperror header.from=email.realtor.com", ("none", False)),
        ("mx.evil.test; dmarc=pass header.from=email.realtor.com", ("none", False)),
        (None, ("none", False)),
    ],
)
def test_a_mail_that_claims_a_portal_is_marked_when_the_portal_does_not_stand_behind_it(
    results: str | None, expected: tuple[str, bool]
) -> None:
    """Anyone can forge a hot lead. It is taken in all the same: a marked lead is better than a lost one."""
    assert mark(results) == expected


def test_without_a_configured_host_nothing_is_believed() -> None:
    """Any sender can write the header into their own mail."""
    assert mark(f"{HOST}; dmarc=pass header.from=email.realtor.com", ours=NOBODY) == ("none", False)


def test_a_site_that_fails_is_noted_but_forges_nobody() -> None:
    """Small sites often sign nothing; only who claims a portal is suspected."""
    assert mark(f"{HOST}; spf=softfail smtp.mailfrom=a@site.test", sender=SITE) == ("fail", False)


def test_only_our_hosts_topmost_header_counts() -> None:
    """The receiving host writes above what came with the mail; a forged one stands below."""
    raw = (
        f"Authentication-Results: {HOST}; dmarc=fail header.from=email.realtor.com\r\n"
        f"Authentication-Results: {HOST}; dmarc=pass header.from=email.realtor.com\r\n"
        f"From: {REALTOR}\r\nSubject: x\r\n\r\nFirst Name: Ada\r\nPhone Number: 512-555-0142\r\n"
    )
    outcome = judge_mail(raw.encode(), RULES, ours=OURS)
    assert outcome.lead is not None
    assert outcome.lead.extra["authentication"] == "fail"


def forwarded(sender: str, results: str, *, attached: bool = False) -> dict[str, Any]:
    """The marks of a portal's mail that `sender` passes on, which may be made up."""
    inner = f"From: {REALTOR}\r\nTo: leads@brokerage.test\r\nSubject: New realtor.com lead - Ada\r\n"
    body = "First Name: Ada\r\nPhone Number: 512-555-0142\r\n"
    head = f"Authentication-Results: {results}\r\nFrom: {sender}\r\nSubject: Fwd: New realtor.com lead - Ada\r\n"
    if attached:
        proven = f"Authentication-Results: {HOST}; dmarc=pass header.from=email.realtor.com\r\n"
        raw = f"{head}Content-Type: message/rfc822\r\n\r\n{proven}{inner}\r\n{body}"
    else:
        raw = f"{head}\r\n---------- Forwarded message ---------\r\n{inner}\r\n{body}"
    outcome = judge_mail(raw.encode(), RULES, ours=OURS)
    assert outcome.source == "realtor_com"
    assert outcome.lead is not None, outcome.reason
    return dict(outcome.lead.extra)


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize(
    ("sender", "results", "expected"),
    [
        ("jane@brokerage.test", f"{HOST}; dkim=pass header.d=brokerage.test", ("pass", None)),
        ("jane@brokerage.test", f"{HOST}; dkim=fail header.d=brokerage.test", ("fail", True)),
        ("eve@evil.test", f"{HOST}; dmarc=pass header.from=evil.test", ("pass", True)),
    ],
)
def test_a_forwarded_portal_mail_is_as_good_as_its_forwarder(
    sender: str, results: str, expected: tuple[str, bool | None], attached: bool
) -> None:
    """Anyone can write "From: realtor.com" below "Forwarded message", or attach a mail with a header of their own."""
    marks = forwarded(sender, results, attached=attached)
    assert (marks["authentication"], marks.get("suspected_forgery")) == expected


@pytest.mark.parametrize(
    ("sender", "results", "is_marked"),
    [
        (REALTOR, f"{HOST}; dmarc=pass header.from=email.realtor.com", None),
        ("a@evil.test", f"{HOST}; dmarc=pass header.from=evil.test", True),
        ("a@evil.test", f"{HOST}; none", None),
    ],
)
def test_metadata_that_names_a_portal_claims_it(sender: str, results: str, is_marked: bool | None) -> None:
    """Anyone can write `lead_source` into their own mail."""
    page = tags(name="Ada", phone="512-555-0142", source="realtor.com")
    lead = read(page=page, sender=sender, headers={"Authentication-Results": results}, ours=OURS)
    assert lead.extra.get("suspected_forgery") == is_marked


def test_a_group_of_ours_passes_on_what_it_got() -> None:
    """A Google group rewrites the sender and breaks the portal's signature (trap 9)."""
    lead = read(
        "First Name: Ada\nPhone Number: 512-555-0142",
        sender="'realtor.com' via Leads <group@brokerage.test>",
        headers={
            "X-Original-From": REALTOR,
            "Authentication-Results": f"{HOST}; dkim=pass header.d=brokerage.test",
        },
        ours=OURS,
    )
    assert (lead.extra["authentication"], lead.extra.get("suspected_forgery")) == ("pass", None)


def test_own_mail_coming_back_is_no_lead() -> None:
    """A copy of our own answer in the shared mailbox became a ticket in posthog#92017."""
    own = judged(
        "Is Saturday at 2pm fine for the tour? Call me: 512-555-0100",
        sender="Bob Agent <bob@brokerage.test>",
        subject="Your tour",
        ours=OurMail(addresses=frozenset({"bob@brokerage.test"})),
    )
    assert (own.outcome, own.reason) == ("ignored", "own mail coming back (sent from one of our addresses)")


def test_what_one_of_us_forwards_is_still_read() -> None:
    """Agents forward inquiries from their own mailbox; their cover note is not the lead's."""
    outcome = judged(
        "Yours?\nBob 512-555-0199\n\n---------- Forwarded message ---------\nFrom: Ada Example <ada@example.net>\n"
        "Date: Mon\nSubject: House\nTo: <bob@brokerage.test>\n\nIs the house on 12 Oak St still available?",
        sender="Bob Agent <bob@brokerage.test>",
        subject="Fwd: House",
        ours=OurMail(addresses=frozenset({"bob@brokerage.test"})),
    )
    assert outcome.lead is not None, outcome.reason
    assert (outcome.lead.email, outcome.lead.phone) == ("ada@example.net", None)


def test_a_form_that_sends_from_our_own_address_is_a_lead() -> None:
    """Website plug-ins often send as the site's own mailbox."""
    outcome = judged(
        "Name: Ada Example\nEmail: ada@example.net\nMessage: Hello",
        sender="leads@brokerage.test",
        ours=OurMail(addresses=frozenset({"leads@brokerage.test"})),
    )
    assert outcome.outcome == "lead"


def test_likely_spam_is_quarantined_not_ignored() -> None:
    """Somebody looks at it once; a lost lead nobody ever sees."""
    outcome = judged(
        "I am interested in the house. Call me: 512-555-0142",
        sender="A <a@example.net>",
        headers={"X-Spam-Flag": "YES"},
    )
    assert outcome.outcome == "quarantined"
    assert (outcome.reason or "").startswith("looks like spam")
