"""ADF/XML in mails: whose contact counts, and what hostile XML can do (nothing)."""

from email.message import EmailMessage

import pytest

from leadflow_pipeline.domain.mail_adf import read_adf
from leadflow_pipeline.domain.mail_message import read_mail
from leadflow_pipeline.domain.mail_metadata import Stated


def adf(inner: str, *, head: str = '<?xml version="1.0"?>') -> str:
    return f'{head}<?adf version="1.0"?><adf><prospect>{inner}</prospect></adf>'


def stated(text: str, *, subtype: str = "plain", attached: str | None = None) -> Stated | None:
    message = EmailMessage()
    message["From"] = "a@feed.test"
    if attached is None:
        message.set_content(text, subtype=subtype)
    else:
        message.set_content("see the attachment")
        message.add_attachment(text.encode("utf-8"), maintype="application", subtype=attached, filename="lead.xml")
    return read_adf(read_mail(message.as_bytes()))


CONTACT = (
    '<name part="first">Ada</name><name part="last">Example</name><email>ada@example.net</email>'
    "<phone>512-555-0142</phone>"
)
CUSTOMER = f"<customer><contact>{CONTACT}</contact><comments>Hi &amp; bye</comments></customer>"


@pytest.mark.parametrize("attached", [None, "xml", "x-adf+xml", "octet-stream"])
def test_adf_is_read_from_body_and_attachment(attached: str | None) -> None:
    """Senders disagree about the type; the name of the file tells."""
    found = stated(adf(CUSTOMER), attached=attached)
    assert found is not None
    assert (found.values["first_name"], found.values["email"]) == ("Ada", "ada@example.net")
    assert found.values["message"] == "Hi & bye"


def test_adf_is_read_from_html_that_shows_it() -> None:
    """Some feeds send it as text in a page."""
    shown = adf(CUSTOMER).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = stated(f"<html><body><pre>{shown}</pre></body></html>", subtype="html")
    assert found is not None
    assert found.values["phone"] == "512-555-0142"


def test_vendor_and_provider_are_not_the_lead() -> None:
    """Both have a contact of the same form (trap 2)."""
    vendor = "<vendor><contact><name>Bob</name><email>bob@b.test</email><phone>1</phone></contact></vendor>"
    found = stated(adf(f"{vendor}<provider><name>Homes.com</name><email>p@p.test</email></provider>"))
    assert found is not None
    assert (dict(found.values), found.source) == ({}, "Homes.com")


def test_a_mobile_number_goes_before_others_and_a_fax_is_none() -> None:
    """A text message reaches a mobile; a fax reaches nobody."""
    kinds = {"fax": "1", "voice": "512-555-0100", "cellphone": "512-555-0101"}
    phones = "".join(f'<phone type="{kind}">{number}</phone>' for kind, number in kinds.items())
    found = stated(adf(f"<customer><contact>{phones}</contact></customer>"))
    assert found is not None
    assert found.values["phone"] == "512-555-0101"


def test_a_lone_ampersand_does_not_spoil_the_lead() -> None:
    """Feeds put free text in without escaping it."""
    found = stated(adf(CUSTOMER.replace("Hi &amp; bye", "Tom & Ada")))
    assert found is not None
    assert found.values["message"] == "Tom & Ada"


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "text",
    [
        adf(f"{CUSTOMER}&b;", head=BOMB),
        adf(CUSTOMER, head='<!DOCTYPE x SYSTEM "file:///etc/passwd">').replace("Ada", "&xxe;"),
        "<adf>" + BOMB + "<prospect>&b;</prospect></adf>",
        "<adf><prospect>",
        "<adf>" + "<a>" * 5000 + "</adf>",
        "<adf>" + "x" * 400_000 + "</adf>",
    ],
)
def test_hostile_xml_ends_in_nothing_read_from_outside(text: str) -> None:
    """Entities fill the memory or read files; no document type of the sender is ever followed."""
    found = stated(text)
    assert found is None or "root:" not in repr(found)
    assert len(repr(found)) < 10_000


def test_several_prospects_are_counted() -> None:
    """A mail is one lead; that it held more must not go unseen."""
    found = stated(f"<adf><prospect>{CUSTOMER}</prospect><prospect>{CUSTOMER}</prospect></adf>")
    assert found is not None
    assert found.extra["adf_prospects"] == 2
