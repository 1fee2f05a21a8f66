"""A second, independent set of mails, written from lead-sources alone, by somebody who did not write the rules.

Each layout is a function that lists what a mail says; three skins of HTML and one of text show it. People, numbers
and tokens are invented.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import escape

Block = tuple[str, ...]  # kv label value | p text | h text | link text target | foot text

FIRST = [
    "Imani",
    "José",
    "Wei-Lin",
    "Siobhán",
    "Bart",
    "Nguyễn",
    "MARTA",
    "olu",
    "Dmitri",
    "Anne-Sophie",
    "Kai",
    "Priya",
]
LAST = ["Okonkwo", "de la Cruz", "O'Hara", "Featherstone-Haugh", "Nowak", "Tran", "VELEZ", "van Dyke", "Ito", "Szabó"]
STREETS = ["1847 Larkspur Ln", "22 W 83rd St", "9 Harbor View Ct", "4410 N Mesquite Ave", "310 Old Mill Road"]
UNITS = ["", "", "", " #4C", " Apt 12", " Unit B-204"]
CITIES = ["Round Rock, TX 78664", "New York, NY 10024", "Tacoma, WA 98402", "Santa Fe, NM 87501", "Boise, ID 83702"]
MESSAGES = [
    "Hi, I would love to see this place on Saturday afternoon. Is it still on the market?",
    "I am interested in this home and would like to schedule a tour.",
    "Hola, me interesa esta propiedad. ¿Sigue disponible? ¿Aceptan mascotas?",
    "Is the basement finished?\n\nAlso: how old is the roof? We have two dogs & a cat.",
    "Please send me more information about this property.",
    "When can we come by? We're relocating from Ohio; my husband starts his new job in June.",
]
PHONES = ["(512) 555-{n}", "512-555-{n}", "512.555.{n}", "+1 512 555 {n}", "512 555 {n}", "1-512-555-{n}"]
COMPANY = ["gmail.com", "yahoo.com", "example.net", "outlook.com", "proton.example"]


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """One mail, and what must come of it."""

    layout: str
    raw: bytes
    outcome: str
    source: str
    facts: Mapping[str, str] = field(default_factory=dict)


class Hand:
    """Deals people, homes and words, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.first, self.last = self.one(FIRST), self.one(LAST)
        self.name = f"{self.first} {self.last}"
        self.phone = self.one(PHONES).format(n=f"01{self.dice.randrange(100):02}")
        self.email = f"{self.one(['h', 'tt', 'casa', 'm.k'])}{self.dice.randrange(9999)}@{self.one(COMPANY)}"
        self.street = self.one(STREETS) + self.one(UNITS)
        self.city = self.one(CITIES)
        self.home = f"{self.street}, {self.city}"
        self.message = self.one(MESSAGES)
        self.price = f"${self.dice.randrange(180, 990)},{self.one(['000', '500', '900'])}"
        self.rent = f"${self.dice.randrange(1, 5)},{self.dice.randrange(100, 999)}"
        self.mls = str(self.dice.randrange(1_000_000, 99_999_999))
        self.token = "".join(self.dice.choice("abcdef0123456789") for _ in range(32))

    def one(self, choices: Sequence[str]) -> str:
        return self.dice.choice(choices)

    def yes(self, share: float = 0.5) -> bool:
        return self.dice.random() < share


@dataclass(kw_only=True)
class Mail:
    """What one layout says."""

    source: str
    sender: str
    subject: str
    blocks: list[Block]
    facts: dict[str, str]
    reply_to: str | None = None
    parts: tuple[str, ...] = ("plain", "html")
    page: str | None = None  # HTML of its own instead of a skin
    headers: dict[str, str] = field(default_factory=dict)


def kv(*pairs: tuple[str, str]) -> list[Block]:
    return [("kv", label, value) for label, value in pairs]


def p(*texts: str) -> list[Block]:
    return [("p", text) for text in texts]


# The layouts


def zillow_relay(h: Hand) -> Mail:
    relay = f"{h.token}@convo.zillow.com"
    about: list[Block] = [("h", f"About {h.first}")]
    details = [
        ("Move in", "Mar 14, 2027"), ("Credit score", "620 to 659"), ("Income", "$85,000"), ("Pets", "No"),
        ("Lease Length", "12 months"), ("Number of Bedrooms", "2"), ("Number of Occupants", "3"),
    ]  # fmt: skip
    kept = [each for each in details if h.yes(0.8)]
    facts = {"name": h.name, "relay_email": relay, "message": h.message, "property_address": h.home}
    if ("Move in", "Mar 14, 2027") in kept:
        facts["timeframe"] = "Mar 14, 2027"
    return Mail(
        source="zillow", sender=f'"{h.name}" <{relay}>', reply_to=relay,
        subject=f"{h.first} is requesting {h.one(['information about', 'an application for'])} {h.home}",
        blocks=[("p", f"{h.name} says:"), ("p", h.message), *about, *kv(*kept), ("foot", ZILLOW)], facts=facts,
    )  # fmt: skip


def zillow_rentals_contact(h: Hand) -> Mail:
    n = h.phone
    lead_in = h.one([f"New Contact {h.name} says:", f"{h.name} is interested"])
    says = "says" in lead_in
    blocks = [*p(lead_in), *(p(h.message) if says else []), *p(h.email, n), *p("Your listing", h.home)]
    blocks += [("link", "See listing", f"https://www.zillow.com/r/{h.token[:8]}"), ("foot", ZILLOW)]
    facts = {"name": h.name, "email": h.email, "phone": n, "property_address": h.home}
    if says:
        facts["message"] = h.message
    return Mail(
        source="zillow_rentals", sender="Zillow Group Rentals <rentalclientservices@zillowrentals.com>",
        reply_to=f"{h.name} <{h.email}>", subject=f"New Zillow Group Rentals Contact: {h.home}", blocks=blocks,
        facts=facts, parts=("html",),
    )  # fmt: skip


def zillow_sales(h: Hand) -> Mail:
    blocks = [
        *p("New Contact from Zillow", f"{h.name} says:", h.message),
        *p("Studies show that leads answered within 10 minutes convert best.", h.email, h.phone),
        *p("Manage or forward this contact on Zillow.", h.home, h.price), ("foot", ZILLOW),
    ]  # fmt: skip
    facts = {
        "name": h.name, "email": h.email, "phone": h.phone, "message": h.message, "property_address": h.home,
        "property_price": h.price,
    }  # fmt: skip
    return Mail(
        source="zillow", sender="Zillow <contacts@mail.zillow.com>", subject="New Contact", blocks=blocks, facts=facts
    )


def streeteasy(h: Hand) -> Mail:
    tour = h.yes(0.8)
    message = "I would like to tour this home." if tour else h.message
    tags = {
        "information_version": "1.0", "source": "StreetEasy", "name": h.name, "email": h.email, "phone": h.phone,
        "message": message, "property_address": h.street, "property_city": "New York", "property_state": "NY",
        "property_zip": "10024", "type": "Buyer",
    }  # fmt: skip
    metas = "".join(f'<meta content="{escape(value)}" name="lead_{name}" />' for name, value in tags.items())
    page = (
        f"<html><body>{metas}<p>{'Tour request' if tour else 'Question'} from {h.name}</p>"
        f"<a href='https://streeteasy.com/building/x/{h.mls}'>View listing</a><p>{STREETEASY}</p></body></html>"
    )
    facts = {
        "name": h.name, "email": h.email, "phone": h.phone, "message": message, "lead_type": "Buyer",
        "property_address": f"{h.street}, New York, NY 10024",
        "property_url": f"https://streeteasy.com/building/x/{h.mls}",
    }  # fmt: skip
    return Mail(
        source="streeteasy", sender="StreetEasy <noreply@email.streeteasy.com>",
        subject=f"{h.street} StreetEasy Inquiry From {h.name.upper()}", blocks=[], page=page, facts=facts,
        parts=("html",),
    )  # fmt: skip


def realtor_text(h: Hand) -> Mail:
    split = h.yes(0.4)
    address = (
        [("p", "Property Address:"), ("p", h.street), ("p", h.city)] if split else kv(("Property Address", h.home))
    )
    blocks = [
        *kv(("First Name", h.first), ("Last Name", h.last), ("Email Address", h.email), ("Phone Number", h.phone)),
        *kv(("Comment", h.message)), *p("This consumer inquired about:"), *address,
        ("p", f"MLSID # {h.mls}"),
    ]  # fmt: skip
    facts = {
        "name": h.name, "first_name": h.first, "last_name": h.last, "email": h.email, "phone": h.phone,
        "message": h.message, "property_address": h.home, "property_mls_id": h.mls,
    }  # fmt: skip
    if h.yes(0.3):
        blocks += kv(("Email target", "agent.name@brokerage.test"))
    if h.yes(0.5):
        url = f"https://www.realtor.com/realestateandhomes-detail/M{h.mls}"
        blocks += [("p", f"View this listing: {url}")]
        facts["property_url"] = url
    blocks += p("Courtesy of: Sunrise Realty, 512-555-0188")
    sender = h.one(["leads@email.realtor.com", "REALTOR.com-Connection-Lead@realtor.com"])
    subject = f"New realtor.com lead - {h.name}"
    if "Connection" in sender:
        subject = subject.replace(" ", "_")
    return Mail(source="realtor_com", sender=sender, subject=subject, blocks=blocks, facts=facts, parts=("plain",))


def realtor_html(h: Hand) -> Mail:
    tel = "".join(c for c in h.phone if c.isdigit())
    url = f"https://www.realtor.com/realestateandhomes-detail/{h.mls}"
    page = f"""<html><head><style>.x{{color:red}}</style></head><body>
<div style="font-size:1px;display:none">New lead from realtor.com for you</div>
<p>Add leads@email.realtor.com to your safe sender list</p><h1>New lead from realtor.com&reg;</h1>
<p>Nov 3, 2026 at 9:14 AM</p><table><tr><td>&ldquo;{escape(h.message)}&rdquo;</td></tr></table>
<table><tr><td>Name</td><td>{h.name}</td></tr>
<tr><td>Verified phone</td><td><a href="tel:{tel}">{h.phone}</a></td></tr>
<tr><td>Email</td><td><a href="mailto:{h.email}">{h.email}</a></td></tr></table>
<table><tr><td>Days searching</td><td>41</td><td>Move-in date</td><td>ASAP</td></tr></table>
<h2>Property Details</h2><p><a href="{url}">{h.home}</a></p><p>{h.price}</p><p>3 Beds &nbsp; 2 Baths</p>
<p>MLS ID # {h.mls}</p><p>Questions? Call 800-555-0111 or write to support@realtor.com</p></body></html>"""
    facts = {
        "name": h.name, "phone": h.phone, "email": h.email, "message": h.message, "property_address": h.home,
        "property_price": h.price, "property_mls_id": h.mls, "property_url": url, "timeframe": "ASAP",
    }  # fmt: skip
    return Mail(
        source="realtor_com", sender='"realtor.com" <leads@email.realtor.com>',
        subject=f"New realtor.com lead - {h.name}", blocks=[], page=page, facts=facts, parts=("html",),
    )  # fmt: skip


def realtor_pro(h: Hand) -> Mail:
    return Mail(
        source="realtor_com", sender="Realtor.com Pro <no-reply@realtorpro.io>",
        subject=f"New inquiry: {h.name} {h.phone} {h.email}.",
        blocks=[*p("You have a new inquiry. Open the app to reply."), ("link", "Open app", "https://realtorpro.io/a")],
        facts={"name": h.name, "phone": h.phone, "email": h.email},
    )  # fmt: skip


def follow_up_boss(h: Hand) -> Mail:
    portal = h.one(["Zillow", "Trulia", "Homes.com", "My Site"])
    alert = h.yes()
    subject = f"Lead Alert from {portal} - {h.name} - {h.price}" if alert else f"New Lead from {portal} - {h.name}"
    first = f"Lead alert for {h.name} from {portal} interested in {h.home} ({h.price})"
    blocks = [*p(first if alert else f"You have a new lead named {h.name} ({portal})")]
    blocks += p(f"User provided phone number: {h.phone}")
    facts = {"name": h.name, "phone": h.phone}
    if alert:
        facts |= {"property_address": h.home, "property_price": h.price}
    return Mail(
        source="follow_up_boss", sender="Follow Up Boss <leads@followupboss.com>", subject=subject, blocks=blocks,
        facts=facts,
    )  # fmt: skip


def homes_thin(h: Hand) -> Mail:
    return Mail(
        source="homes_com", sender="Homes.com <noreply@homes.com>", subject="New Lead from Homes.com",
        blocks=[*kv(("Phone", h.phone), ("Message", h.message)), ("foot", HOMES)],
        facts={"phone": h.phone, "message": h.message},
    )  # fmt: skip


def homes_2016(h: Hand) -> Mail:
    blocks = kv(
        ("First Name", h.first), ("Last Name", h.last), ("Phone", h.phone), ("Email", h.email),
        ("Question/Comments", h.message), ("Property Info", h.home),
    )  # fmt: skip
    facts = {
        "name": h.name, "first_name": h.first, "last_name": h.last, "phone": h.phone, "email": h.email,
        "message": h.message, "property_address": h.home,
    }  # fmt: skip
    return Mail(
        source="homes_com", sender="noreply@homes.com", subject="New Lead from Homes.com", blocks=blocks, facts=facts
    )


def trulia(h: Hand) -> Mail:
    blocks = [
        *p("Hi there, you have a new lead!"),
        *kv(("From", h.name), ("Email", h.email), ("Phone", h.phone), ("Message", h.message)),
        *p("This lead was sent from:", h.home), *kv(("MLS ID", h.mls)), *p(h.price),
    ]  # fmt: skip
    facts = {
        "name": h.name, "email": h.email, "phone": h.phone, "message": h.message, "property_address": h.home,
        "property_mls_id": h.mls, "property_price": h.price,
    }  # fmt: skip
    return Mail(source="trulia", sender="Trulia <leads@trulia.com>", subject="New lead", blocks=blocks, facts=facts)


def apartments_old(h: Hand) -> Mail:
    blocks = kv(("Name", h.name), ("Email", h.email), ("Phone", h.phone), ("Message", h.message))
    direct = h.yes(0.7)
    return Mail(
        source="apartments_com", sender="lead@apartments.com" if direct else "Leads <group@brokerage.test>",
        subject="Lead for your property", blocks=blocks, parts=("html",),
        facts={"name": h.name, "email": h.email, "phone": h.phone, "message": h.message},
        headers={} if direct else {"X-Original-From": "Apartments.com <lead@apartments.com>"},
    )  # fmt: skip


def apartments_2026(h: Hand) -> Mail:
    return Mail(
        source="apartments_com", sender="Apartments.com <lead@apartments.com>", reply_to=f'"{h.name}" <{h.email}>',
        subject="You've received a new lead!",
        blocks=[*p("You've received a new lead!", h.home), ("link", "Log in to read the message", "https://apartments.com/l")],
        facts={"name": h.name, "email": h.email, "property_address": h.home},
    )  # fmt: skip


def rental_site(h: Hand) -> Mail:
    source, sender = h.dice.choice(
        [
            ("apartment_list", "interests@apartmentlist.com"),
            ("rent_com", "leads@email.rent.com"),
            ("for_rent", "guestcards@forrent.com"),
            ("apartment_guide", "noreply@message.my.apartmentguide.com"),
        ]
    )
    phone = h.one(["Phone", "Primary Phone"])
    if source == "apartment_guide" and h.yes():
        who = kv(("First Name", h.first), ("Last Name", h.last))
        facts = {"first_name": h.first, "last_name": h.last, "name": h.name}
    else:
        who, facts = kv(("Name", h.name)), {"name": h.name}
    blocks = [*p("You have a new prospect."), *who, *kv(("Email", h.email), (phone, h.phone))]
    facts |= {"email": h.email, "phone": h.phone}
    if h.yes():
        blocks += kv(("Message", h.message))
        facts["message"] = h.message
    return Mail(source=source, sender=sender, subject=f"New lead: {h.name}", blocks=blocks, facts=facts)


def yelp(h: Hand) -> Mail:
    relay = f"reply+{h.token}@messaging.yelp.com"
    return Mail(
        source="yelp", sender=f"{h.first} via Yelp <{relay}>", reply_to=relay, subject=f"Message from {h.first}",
        blocks=[*p(h.message), ("foot", "Yelp Inc., 350 Mission Street, San Francisco, CA 94105")],
        facts={"name": h.first, "relay_email": relay, "message": h.message},
    )  # fmt: skip


def idx_table(h: Hand) -> Mail:
    blocks = kv(
        ("IDX", "Austin MLS"), ("Source", "Search page"), ("Name", h.name), ("Email", h.email), ("Phone", h.phone),
        ("Comments", h.message), ("Property Address", h.home), ("MLS #", h.mls),
    )  # fmt: skip
    facts = {
        "name": h.name, "email": h.email, "phone": h.phone, "message": h.message, "property_address": h.home,
        "property_mls_id": h.mls,
    }  # fmt: skip
    return Mail(
        source="idx_site", sender="Sunrise Realty <noreply@sunriserealty.test>", subject="New website lead",
        blocks=blocks, facts=facts,
    )  # fmt: skip


def idx_lines(h: Hand) -> Mail:
    blocks = p("A new lead/inquiry has been received on your listing.", h.name, h.email, h.phone)
    return Mail(
        source="idx_site", sender="noreply@sunriserealty.test", subject=f"Inquiry on {h.street}", blocks=blocks,
        facts={"name": h.name, "email": h.email, "phone": h.phone},
    )  # fmt: skip


def contact_form_7(h: Hand) -> Mail:
    blocks = [
        *p(f"From: {h.name} <{h.email}>", "Subject: A question", "Message Body:", h.message, "--"),
        *p("This e-mail was sent from a contact form on Sunrise Realty (https://sunriserealty.test)"),
    ]  # fmt: skip
    return Mail(
        source="contact_form_7", sender=f"{h.one([h.name, 'Sunrise Realty'])} <wordpress@sunriserealty.test>",
        reply_to=h.email, subject='Sunrise Realty "A question"', blocks=blocks, parts=("plain",),
        facts={"name": h.name, "email": h.email, "message": h.message},
    )  # fmt: skip


def webflow(h: Hand) -> Mail:
    blocks = [
        *p("You've received a new form submission"),
        *kv(("Full Name", h.name), ("Email Address", h.email), ("Cell Phone", h.phone), ("Message", h.message)),
    ]
    return Mail(
        source="webflow", sender="Webflow Forms <no-reply-forms@webflow.com>",
        subject="New form submission from Sunrise", blocks=blocks,
        facts={"name": h.name, "email": h.email, "phone": h.phone, "message": h.message},
    )  # fmt: skip


def zapier(h: Hand) -> Mail:
    blocks = p("facebook ad:", h.name, h.email, h.phone)
    return Mail(
        source="zapier", sender="Leads <x1@zapiermail.com>", subject="New Facebook lead", blocks=blocks,
        parts=("plain",), facts={"name": h.name, "email": h.email, "phone": h.phone},
    )  # fmt: skip


def prose(h: Hand) -> Mail:
    text = h.one(
        [
            "Hello, my name is {n} and I am looking for a house in the area. You can call me at {p}.",
            "Hola, soy {n}. Estoy buscando una casa para comprar. Mi teléfono es {p}.",
            "Hi! I saw your sign and want to know if the house is still for sale. Call me on {p}.\n\nThanks,\n{n}",
        ]
    ).format(n=h.name, p=h.phone)
    return Mail(
        source="generic", sender=f"{h.name} <{h.email}>", subject=h.one(["House", "Casa", "Question about a home"]),
        blocks=p(text), parts=("plain",), facts={"name": h.name, "email": h.email, "phone": h.phone, "message": text},
    )  # fmt: skip


LAYOUTS: tuple[Callable[[Hand], Mail], ...] = (
    zillow_relay, zillow_rentals_contact, zillow_sales, streeteasy, realtor_text, realtor_html, realtor_pro,
    follow_up_boss, homes_thin, homes_2016, trulia, apartments_old, apartments_2026, rental_site, yelp, idx_table,
    idx_lines, contact_form_7, webflow, zapier, prose,
)  # fmt: skip

ZILLOW = "© 2026 Zillow, Inc. 1301 Second Avenue, Floor 36, Seattle, WA 98101. Questions? 855-555-0104"
HOMES = "© 2026 Homes.com, 501 S 5th St, Richmond, VA"
STREETEASY = "StreetEasy, 130 Fifth Avenue, New York, NY 10011"

AUTO = {"Auto-Submitted": "auto-replied"}
BULK = {"List-Id": "<n.shop.test>", "Precedence": "bulk"}
NON_LEADS: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("StreetEasy <noreply@email.streeteasy.com>", "Your StreetEasy security code", "Your code is 482913.", {}),
    ("Zillow <no-reply@comet.zillow.com>", "New rental application from Imani", "Imani sent a rental application.", {}),
    ("Follow Up Boss <leads@followupboss.com>", "Your Hot Sheet", "3 hot leads today: see the app.", {}),
    ("Follow Up Boss <leads@followupboss.com>", "Weekly digest", "12 leads last week. Call 800-555-0100.", {}),
    ("Pro <no-reply@realtorpro.io>", "New text reply from Kai Ito", "Kai Ito: ok, 512-555-0123", {}),
    ("Kai <kai@example.net>", "Automatic reply: your tour", "I am away. Call 512-555-0123.", AUTO),
    ("MAILER-DAEMON@mx.example.net", "Undelivered Mail Returned to Sender", "Could not deliver to x@y.test", {}),
    ("News <news@shop.test>", "Houses and more", "See all homes for sale", BULK),
    ("Kai <kai@example.net>", "Fuera de la oficina", "Estoy fuera hasta el lunes.", {"X-Autoreply": "yes"}),
    ("Imani <0123456789abcdef@convo.zillow.com>", "Re: Imani is requesting information about 9 Oak Ct", "Thanks!", {}),
)  # fmt: skip


# What happens to layouts between two looks at them

SYNONYMS = {
    "Phone": ("Phone Number", "Tel.", "Mobile", "Cell Phone", "Phone No.", "Telephone", "Best phone"),
    "Primary Phone": ("Primary Phone Number", "Phone"),
    "Phone Number": ("Phone", "Contact Phone", "Mobile Phone"),
    "Email": ("E-mail", "Email Address", "Email address", "E-Mail Address", "Contact Email"),
    "Email Address": ("Email", "E-mail"),
    "Name": ("Full Name", "Contact Name", "Lead Name", "Your Name"),
    "Message": ("Comments", "Comment", "Message from customer", "Your message"),
    "Comment": ("Comments", "Message"),
    "Comments": ("Message", "Question"),
    "Question/Comments": ("Comments", "Questions & Comments"),
}
NOISE = (
    ["Assigned agent: Bob Agent", "Agent phone: 512-555-0100", "Agent email: bob@brokerage.test"],
    ["Listing agent", "Bob Agent, Sunrise Realty", "(512) 555-0100", "bob@brokerage.test"],
    ["Need help? Call 1-800-555-0111 or e-mail help@leadhelp.test", "Unsubscribe | Privacy policy"],
    ["You are receiving this e-mail because you subscribed to lead notifications.", "PO Box 100, Austin, TX 78701"],
    ["Tip: leads that are called within five minutes convert nine times better."],
    ["© 2026 All rights reserved. 100 Main Street, Suite 400, Dallas, TX 75201"],
)
PREFACES = (["You have a new lead"], ["Hello Bob,", "good news! Here is a new inquiry."], ["View in browser"])


def _twisted(mail: Mail, h: Hand, layout: str) -> Mail:
    if mail.page is not None:
        return mail
    blocks = [
        ("kv", h.one(SYNONYMS[each[1]]), each[2]) if each[0] == "kv" and each[1] in SYNONYMS and h.yes(0.3) else each
        for each in mail.blocks
    ]
    if "phone" in mail.facts and "email" in mail.facts and h.yes(0.2):
        kept = [each for each in blocks if each[-1] != mail.facts["phone"]]
        if len(kept) < len(blocks):
            blocks, mail.facts = kept, {fact: text for fact, text in mail.facts.items() if fact != "phone"}
    if layout not in ("prose", "contact_form_7", "zapier", "yelp"):
        if h.yes(0.3):
            blocks = [*(("p", line) for line in h.dice.choice(PREFACES)), *blocks]
        if h.yes(0.4):
            blocks = [*blocks, ("h", ""), *(("p", line) for line in h.dice.choice(NOISE))]
    mail.blocks = blocks
    return mail


def _forwarded(mail: Mail, h: Hand) -> Mail:
    """Forwarded by hand by an agent, as Gmail or Outlook write it."""
    stamp, to = "Tue, Nov 3, 2026 at 9:14 AM", "leads@brokerage.test"
    gmail = [
        "---------- Forwarded message ---------", f"From: {mail.sender}", f"Date: {stamp}", f"Subject: {mail.subject}",
        f"To: <{to}>", "",
    ]  # fmt: skip
    outlook = [
        "________________________________",
        f"From: {mail.sender}",
        f"Sent: {stamp}",
        f"To: {to}",
        f"Subject: {mail.subject}",
        "",
    ]
    above = h.one(["", "Can you take this one?", "FYI - Bob, 512-555-0100"])
    head = h.dice.choice([gmail, outlook])
    mail.blocks = [*(("p", line) for line in (above, "", *head)), *mail.blocks]
    mail.sender, mail.subject = "Bob Agent <bob@brokerage.test>", f"{h.one(['Fwd:', 'FW:'])} {mail.subject}"
    mail.reply_to, mail.parts, mail.headers = None, ("plain",), {}
    return mail


NOT_BY_HAND = (
    "zillow_relay", "zillow_rentals_contact", "streeteasy", "realtor_html", "apartments_old", "apartments_2026", "yelp",
    "contact_form_7", "prose",
)  # fmt: skip

# How they are shown


def _text(blocks: Sequence[Block]) -> str:
    lines: list[str] = []
    for kind, *rest in blocks:
        if kind == "kv":
            lines.append(f"{rest[0]}: {rest[1]}")
        elif kind == "link":
            lines += ["", f"{rest[0]} <{rest[1]}>"]
        else:
            lines += ["", *rest] if kind in ("foot", "h") else rest
    return "\n".join(lines) + "\n"


def _page(blocks: Sequence[Block], skin: int) -> str:
    rows = []
    for kind, *rest in blocks:
        shown = [escape(each).replace("\n", "<br>\n") for each in rest]
        if kind == "kv" and skin == 0:
            rows.append(f"<tr><td width='30%' style='color:#999'>{shown[0]}:</td><td>{shown[1]}</td></tr>")
        elif kind == "kv" and skin == 1:
            rows.append(f"<b>{shown[0]}:</b>&nbsp;{shown[1]}<br>")
        elif kind == "kv":
            rows.append(f"<p style='margin:0'>{shown[0]}:</p><p><strong>{shown[1]}</strong></p>")
        elif kind == "link":
            inner = f"<a href='{rest[1]}' style='background:#06c'>{shown[0]}</a>"
            rows.append(f"<tr><td colspan=2>{inner}</td></tr>" if skin == 0 else f"<p>{inner}</p>")
        else:
            tag = {"h": "h3", "foot": "small"}.get(kind, "div")
            inner = f"<{tag}>{shown[0]}</{tag}>"
            rows.append(f"<tr><td colspan=2>{inner}</td></tr>" if skin == 0 else inner)
    body = "\n".join(rows)
    body = f"<table role=presentation><tbody>{body}</tbody></table>" if skin == 0 else body
    hidden = "<span style='display:none !important;max-height:0'>You have news &zwnj;&nbsp;&zwnj;&nbsp;</span>"
    pixel = "<img src='https://t.test/o.gif?x=5125550199' width=1 height=1>"
    return f"<!DOCTYPE html><html><head><title>Lead</title></head><body>{hidden}{body}{pixel}</body></html>"


def _built(mail: Mail, h: Hand, layout: str) -> Unseen:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, "leads@brokerage.test", mail.subject
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    for name, value in mail.headers.items():
        message[name] = value
    page = mail.page or _page(mail.blocks, h.dice.randrange(3))
    parts = mail.parts if mail.parts != ("plain", "html") else h.dice.choice([("plain",), ("html",), mail.parts])
    for number, kind in enumerate(parts):
        content = _text(mail.blocks) if kind == "plain" else page
        latin = all(ord(each) < 256 for each in content) and h.yes(0.3)
        options = {"charset": "iso-8859-1" if latin else "utf-8", "cte": h.one(["quoted-printable", "base64"])}
        (message.set_content if number == 0 else message.add_alternative)(content, subtype=kind, **options)
    return Unseen(layout=layout, raw=message.as_bytes(), outcome="lead", source=mail.source, facts=mail.facts)


def unseen_mails(seed: int, *, of_each: int, twisted: bool = True) -> list[Unseen]:
    """`of_each` mails of every layout, and as many rounds of mails that are no leads."""
    made = []
    for number, layout in enumerate(LAYOUTS):
        for copy in range(of_each):
            hand = Hand(seed + 1000 * number + copy)
            mail = layout(hand)
            if twisted:
                mail = _twisted(mail, hand, layout.__name__)
                if layout.__name__ not in NOT_BY_HAND and hand.yes(0.15):
                    mail = _forwarded(mail, hand)
            made.append(_built(mail, hand, layout.__name__))
    for sender, subject, text, headers in NON_LEADS:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, "leads@brokerage.test", subject
        for name, value in headers.items():
            message[name] = value
        message.set_content(text)
        made.append(Unseen(layout="no lead", raw=message.as_bytes(), outcome="ignored", source=""))
    return made
