"""The layouts of lead-sources as drafts with invented people; how a draft is written is in `mail_variations`."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

FIRST = ["Ada", "José", "Mary Ann", "Zoë", "Priya", "Wei", "Nuala", "Kofi", "Anneliese", "Tomás", "Bo", "Chloë"]
LAST = ["Example", "Núñez", "O'Brien", "Smith-Jones", "de la Cruz", "Raman", "Li", "Van Dyke", "Mbeki", "Sørensen"]
STREETS = [
    ("4410 Duval St #B-204", "Austin, TX 78751"),
    ("12 Oak St", "Round Rock, TX 78664"),
    ("1200 Barton Springs Rd, Unit 7", "Austin, TX 78704"),
    ("77 N Invented Trl", "Cedar Park, TX 78613"),
    ("9015 FM 620", "Austin, TX 78726"),
    ("301 W 5th St Apt 3", "San Marcos, TX 78666"),
]
MESSAGES = [
    "Is this home still available? I would like to see it this weekend.",
    "Hello,\n\nwe are relocating in March and need three bedrooms near a school.\n\nThanks",
    "I'm interested. Please send me more information about the HOA and the taxes.",
    "Hola, quisiera más información sobre esta propiedad. ¿Todavía está disponible?",
    "Could we schedule a tour for Saturday at 2pm? My wife can come along; she loves the kitchen and the big yard out"
    " back, and we would want to know what the schools are like.",
    "Are pets allowed? We have two cats: Tom and Ada.",
]
PHONES = ["(512) 555-01{:02}", "512-555-01{:02}", "512.555.01{:02}", "+1 512-555-01{:02}", "51255501{:02}"]
LABELS = {
    "name": ["Name", "Full Name", "Contact Name"],
    "first_name": ["First Name", "First name"],
    "last_name": ["Last Name", "Last name"],
    "email": ["Email", "E-mail", "Email Address", "E-Mail Address"],
    "phone": ["Phone", "Phone Number", "Tel.", "Cell Phone", "Mobile", "Telephone", "Primary Phone", "Phone No."],
    "message": ["Message", "Comments", "Comment", "Question/Comments"],
    "timeframe": ["Move-in Date", "Move Date", "Desired Move-in Date"],
    "property_address": ["Property Address", "Property"],
    "property_mls_id": ["MLS ID", "MLS #", "MLS Number"],
    "property_price": ["Price", "List Price"],
}


@dataclass(kw_only=True)
class Draft:
    """A mail in the making: blocks of text in order, a block being rows of (label, value) or one text."""

    sender: str
    subject: str
    blocks: list[object]
    facts: dict[str, str]
    source: str
    reply_to: str | None = None
    html_only: bool = False
    head: str = ""  # of the HTML part
    by_hand: bool = True  # whether the mail means the same when forwarded by hand
    portal: str = "the portal"


class Dice(random.Random):
    """Chance, with the things these mails are made of."""

    def yes(self, chance: float) -> bool:
        return self.random() < chance

    def person(self, *, phone: float = 0.85) -> dict[str, str]:
        first, last = self.choice(FIRST), self.choice(LAST)
        person = {"first_name": first, "last_name": last, "name": f"{first} {last}"}
        local = "".join(c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalnum() or c == "."))
        person["email"] = (
            f"{local}{self.randrange(99)}@{self.choice(['example.net', 'example.org', 'mail.example.com'])}"
        )
        if self.yes(phone):
            person["phone"] = self.choice(PHONES).format(self.randrange(10, 99))
        return person

    def home(self) -> dict[str, str]:
        street, place = self.choice(STREETS)
        price = f"${self.randrange(200, 1500)},{self.choice(['000', '500', '900'])}"
        return {
            "street": street,
            "place": place,
            "address": f"{street}, {place}",
            "price": price,
            "mls": str(self.randrange(1_000_000, 9_999_999)),
        }

    def label(self, fact: str, drift: float = 0.5) -> str:
        labels = LABELS[fact]
        return self.choice(labels) if self.yes(drift) else labels[0]

    def token(self) -> str:
        return "".join(self.choice("abcdef0123456789") for _ in range(28)) + "5125550142"


def picked(values: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: values[name] for name in names if name in values}


def zillow_relay(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    relay = f"{dice.token()}@convo.zillow.com"
    what = dice.choice(["information about", "an application for", "a tour of"])
    about = [
        ("Move in", "Jan 05, 2027"),
        ("Credit score", "620 to 659"),
        ("Income", "$64,000"),
        ("Pets", "1 small dog"),
        ("Lease Length", "12 months"),
        ("Number of Bedrooms", "2"),
        ("Number of Occupants", "3"),
    ]
    about = [about[0], *dice.sample(about[1:], dice.randrange(1, 6))]
    facts = {
        "name": who["name"],
        "relay_email": relay,
        "message": text,
        "property_address": home["address"],
        "timeframe": "Jan 05, 2027",
    }
    return Draft(
        sender=f'"{who["name"]}" <{relay}>',
        reply_to=f'"{who["name"]}" <{relay}>' if dice.yes(0.7) else None,
        subject=f"{who['first_name']} is requesting {what} {home['address']}",
        blocks=[f"{who['name']} says:", text, "", f"About {who['name']}", about],
        facts=facts,
        source="zillow",
        head=f'<span style="display:none">{escape(text)}</span>',
        portal="Zillow",
    )


def zillow_sales(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    facts = {
        **picked(who, "name", "email", "phone"),
        "message": text,
        "property_address": home["address"],
        "property_price": home["price"],
    }
    says = [f"{who['name']} says:"] if dice.yes(0.6) else [who["name"], "says:"]
    contact: list[object] = [who["email"], *([who["phone"]] if "phone" in who else [])]
    return Draft(
        sender="Zillow <noreply@mail.zillow.com>",
        subject=f"New Contact: {who['name']}",
        blocks=[
            "New Contact from Zillow",
            *says,
            text,
            "Respond within 10 minutes to win more clients.",
            *contact,
            "Manage or forward this contact on Zillow.",
            "Listing information",
            home["address"],
            home["price"],
            "3 beds, 2 baths",
        ],
        facts=facts,
        source="zillow",
        portal="Zillow",
    )


def zillow_rentals(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    facts = {**picked(who, "name", "email", "phone"), "message": text, "property_address": home["address"]}
    if "phone" in who:
        facts["phone"] = who["phone"] = f"512.555.01{dice.randrange(10, 99)}"
    says: list[object] = [f"New Contact {who['name']} says:", text]
    if dice.yes(0.3):
        says = [f"New Contact {who['name']} is interested"]
        del facts["message"]
    named = dice.yes(0.5)
    return Draft(
        sender="Zillow Rentals <rentalclientservices@zillowrentals.com>",
        subject=f"New Zillow Group Rentals Contact: {home['address']}",
        reply_to=f'"{who["name"]}" <{who["email"]}>' if named else who["email"],
        blocks=[*says, who["email"], *([who["phone"]] if "phone" in who else []), "Your listing", home["address"]],
        facts=facts,
        source="zillow_rentals",
        html_only=True,
        portal="Zillow Rentals",
    )


def streeteasy(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    facts = {**picked(who, "name", "email", "phone"), "message": text, "property_address": home["address"]}
    tags = {
        "lead_information_version": "1.0",
        "lead_source": "StreetEasy",
        "lead_property_address": home["address"],
        **{f"lead_{fact}": facts[fact] for fact in ("name", "email", "phone", "message") if fact in facts},
    }
    facts["lead_type"] = "Buyer"
    if dice.yes(0.5):
        facts["lead_type"] = tags["lead_type"] = "Renter"
    items = list(tags.items())
    dice.shuffle(items)
    head = "".join(f'<meta name="{name}" content="{escape(value, quote=True)}">' for name, value in items)
    return Draft(
        sender="StreetEasy <noreply@email.streeteasy.com>",
        subject=f"{home['address']} StreetEasy Inquiry From {who['name'].upper()}",
        blocks=[dice.choice(["Tour request", "Question"]), f"{who['name']} asks about {home['street']}", text],
        facts=facts,
        source="streeteasy",
        html_only=True,
        head=head,
        by_hand=False,
        portal="StreetEasy",
    )


def realtor_text(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    facts = {**who, "message": text, "property_address": home["address"], "property_mls_id": home["mls"]}
    rows = [
        ("First Name", who["first_name"]),
        ("Last Name", who["last_name"]),
        ("Email Address", who["email"]),
        ("Phone Number", who.get("phone", "")),
    ]
    address = home["address"] if dice.yes(0.5) else f"{home['street']}\n{home['place']}"
    tail: list[object] = [f"MLSID # {home['mls']}", "Email target: agent@brokerage.test"]
    if dice.yes(0.4):
        tail += ["Basic Property Attributes:", home["price"], "Bed: 4", "Bath: 2.5", "Property Type: Single Family"]
        facts["property_price"] = home["price"]
    return Draft(
        sender="realtor.com <leads@email.realtor.com>",
        subject=f"New realtor.com lead - {who['name']}",
        blocks=[
            rows,
            "",
            [("Comment", text)],
            "This consumer inquired about:",
            [("Property Address", address)],
            *tail,
            "Courtesy of: Lone Star Sample Realty, 512-555-0100",
        ],
        facts=facts,
        source="realtor_com",
        portal="Realtor.com",
    )


def realtor_html(dice: Dice) -> Draft:
    who, home = dice.person(phone=1), dice.home()
    text = dice.choice([each for each in MESSAGES if "\n" not in each])
    facts = {
        **picked(who, "name", "email", "phone"),
        "message": text,
        "property_address": home["address"],
        "property_mls_id": home["mls"],
        "property_price": home["price"],
    }
    return Draft(
        sender="realtor.com <leads@email.realtor.com>",
        subject=f"New realtor.com lead - {who['name']}",
        blocks=[
            "New lead from realtor.com",
            "Nov 23, 2026 9:12 AM",
            f"“{text}”",
            [("Name", who["name"]), ("Verified phone", who["phone"]), ("Email", who["email"])],
            [("Days searching", "14")],
            "Property Details",
            [("MLS ID #", home["mls"])],
            home["address"],
            home["price"],
            [("Beds", "3"), ("Baths", "2")],
            "Courtesy of: Sample Brokers",
        ],
        facts=facts,
        source="realtor_com",
        html_only=True,
        portal="Realtor.com",
    )


def realtor_app(dice: Dice) -> Draft:
    who = dice.person()
    return Draft(
        sender="no-reply@realtorpro.io",
        subject=" ".join(filter(None, ["New inquiry:", who["name"], who.get("phone"), who["email"] + "."])),
        blocks=["You have a new inquiry.", "Open the app to respond."],
        facts=picked(who, "name", "email", "phone"),
        source="realtor_com",
        portal="Realtor.com",
    )


def follow_up_boss(dice: Dice) -> Draft:
    who, home = dice.person(), dice.home()
    portal = dice.choice(["Zillow", "Realtor.com", "Homes.com", "My Site"])
    facts = {**picked(who, "name", "phone"), "email": who["email"]}
    reach: list[object] = [f"User provided phone number: {who['phone']}"] if "phone" in who else []
    if dice.yes(0.5):
        facts |= {"property_address": home["address"], "property_price": home["price"]}
        first = f"Lead alert for {who['name']} from {portal} interested in {home['address']} ({home['price']})"
        subject = f"Lead Alert from {portal} - {who['name']} - {home['price']}"
        reach.append([("Email", who["email"])])
    else:
        first, subject = (
            f"You have a new lead named {who['name']} ({who['email']})",
            f"New Lead from {portal} - {who['name']}",
        )
    return Draft(
        sender="Follow Up Boss <leads@followupboss.com>",
        subject=subject,
        blocks=[first, *reach],
        facts=facts,
        source="follow_up_boss",
        portal="Follow Up Boss",
    )


def homes_labels(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    rows = [
        ("First Name", who["first_name"]),
        ("Last Name", who["last_name"]),
        (dice.label("phone", 0.3), who.get("phone", "")),
        (dice.label("email", 0.3), who["email"]),
    ]
    dice.shuffle(rows)
    return Draft(
        sender="Homes.com <noreply@homes.com>",
        subject="New Lead from Homes.com",
        blocks=[rows, [("Question/Comments", text), ("Property Info", home["address"])]],
        facts={**who, "message": text, "property_address": home["address"]},
        source="homes_com",
        portal="Homes.com",
    )


def homes_thin(dice: Dice) -> Draft:
    who, text = dice.person(phone=1), dice.choice(MESSAGES)
    rows = [("Phone", who["phone"]), ("Message", text)]
    return Draft(
        sender="noreply@homes.com",
        subject="New Lead from Homes.com",
        blocks=["You have a new lead from Homes.com", rows],
        facts={"phone": who["phone"], "message": text},
        source="homes_com",
        portal="Homes.com",
    )


def trulia(dice: Dice) -> Draft:
    who, home, text = dice.person(), dice.home(), dice.choice(MESSAGES)
    rows = [("From", who["name"]), ("Email", who["email"]), ("Phone", who.get("phone", "")), ("Message", text)]
    address = home["address"] if dice.yes(0.5) else f"{home['street']}\n{home['place']}"
    return Draft(
        sender=dice.choice(["Trulia <leads@trulia.test>", "no-reply@agents.test"]),
        subject="You have a new lead!",
        blocks=[
            "Hello agent, you have a new lead!",
            rows,
            "This lead was sent from:",
            *address.split("\n"),
            [("MLS ID", home["mls"])],
            home["price"],
        ],
        facts={
            **picked(who, "name", "email", "phone"),
            "message": text,
            "property_address": home["address"],
            "property_mls_id": home["mls"],
            "property_price": home["price"],
        },
        source="trulia",
        portal="Trulia",
    )


def apartments_labels(dice: Dice) -> Draft:
    who, text = dice.person(), dice.choice(MESSAGES)
    rows = [
        (dice.label("name"), who["name"]),
        (dice.label("email"), who["email"]),
        (dice.label("phone"), who.get("phone", "")),
        (dice.label("timeframe"), "01/15/2027"),
    ]
    dice.shuffle(rows)
    return Draft(
        sender="Apartments.com <lead@apartments.com>",
        subject="Lead for Sample Flats",
        blocks=[rows, [("Comments", text)]],
        facts={**picked(who, "name", "email", "phone"), "timeframe": "01/15/2027", "message": text},
        source="apartments_com",
        html_only=True,
        portal="Apartments.com",
    )


def apartments_2026(dice: Dice) -> Draft:
    who, home = dice.person(), dice.home()
    return Draft(
        sender="Apartments.com <lead@apartments.com>",
        subject="You've received a new lead!",
        reply_to=f'"{who["name"]}" <{who["email"]}>',
        blocks=["You've received a new lead!", home["street"], home["place"], "Log in to read the message"],
        facts={**picked(who, "name", "email"), "property_address": home["address"]},
        source="apartments_com",
        by_hand=False,
        portal="Apartments.com",
    )


def rental_site(dice: Dice) -> Draft:
    source, sender, portal = dice.choice(
        [
            ("apartment_list", "interests@apartmentlist.com", "Apartment List"),
            ("rent_com", "leads@email.rent.com", "Rent."),
            ("apartment_guide", "leads@message.my.apartmentguide.com", "ApartmentGuide"),
            ("for_rent", "guestcards@forrent.com", "ForRent"),
        ]
    )
    who, text = dice.person(), dice.choice(MESSAGES)
    facts = {**picked(who, "name", "email", "phone"), "message": text}
    names = [(dice.label("name"), who["name"])]
    if dice.yes(0.4):
        names = [("First Name", who["first_name"]), ("Last Name", who["last_name"])]
        facts |= picked(who, "first_name", "last_name")
    rows = [*names, (dice.label("email"), who["email"]), (dice.label("phone"), who.get("phone", ""))]
    dice.shuffle(rows)
    blocks: list[object] = [rows, [(dice.label("message"), text)]]
    if source == "apartment_guide" and len(names) == 1 and dice.yes(0.5):
        blocks = [f"Information for {who['name']}", [row for row in rows if row[1] != who["name"]], *blocks[1:]]
    return Draft(sender=sender, subject="New lead", blocks=blocks, facts=facts, source=source, portal=portal)


def yelp(dice: Dice) -> Draft:
    relay, text = f"reply+{dice.token()[:32]}@messaging.yelp.com", dice.choice(MESSAGES)
    return Draft(
        sender=f"Yelp <{relay}>",
        subject="New message",
        blocks=[text],
        facts={"relay_email": relay, "message": text},
        source="yelp",
        by_hand=False,
        portal="Yelp",
    )


def avail(dice: Dice) -> Draft:
    who, home = dice.person(), dice.home()
    relay = f"{dice.token()}@reply.avail.co"
    first = dice.choice(
        [
            f"You have received a new message from {who['name']} about {home['address']}.",
            f"{who['name']} sent you a message about your property at {home['address']}:",
            f"{who['name']} has messaged you regarding {home['address']}.",
        ]
    )
    return Draft(
        sender="Avail <support@avail.co>",
        subject="You have received a new message on Avail",
        reply_to=relay,
        blocks=[first, "", "Read message: https://www.avail.co/m/1", "This link is valid for 48 hours."],
        facts={"name": who["name"], "relay_email": relay, "property_address": home["address"]},
        source="avail",
        by_hand=False,
        portal="Avail",
    )


def idx_notice(dice: Dice) -> Draft:
    who = dice.person()
    word = dice.choice(["lead", "inquiry"])
    return Draft(
        sender="Sample Realty <web@samplerealty.test>",
        subject=f"New {word}",
        blocks=[
            f"A new {word} has been received on your listing.",
            "",
            who["name"],
            who["email"],
            *([who["phone"]] if "phone" in who else []),
        ],
        facts=picked(who, "name", "email", "phone"),
        source="idx_site",
        portal="Sample Realty",
    )


def idx_rows(dice: Dice) -> Draft:
    who, text = dice.person(), dice.choice(MESSAGES)
    rows = [
        ("IDX", "Sample MLS"),
        ("Source", "Website"),
        (dice.label("name"), who["name"]),
        (dice.label("email"), who["email"]),
        (dice.label("phone"), who.get("phone", "")),
    ]
    dice.shuffle(rows)
    return Draft(
        sender="Sample Realty <web@samplerealty.test>",
        subject="Lead",
        blocks=[rows, [("Comments", text)]],
        facts={**picked(who, "name", "email", "phone"), "message": text},
        source="idx_site",
    )


def contact_form_7(dice: Dice) -> Draft:
    who, text = dice.person(), dice.choice(MESSAGES)
    return Draft(
        sender="Sample Homes <wordpress@samplehomes.test>",
        subject='Sample Homes "Tour"',
        reply_to=who["email"] if dice.yes(0.7) else None,
        blocks=[
            f"From: {who['name']} <{who['email']}>",
            "Subject: Tour",
            "",
            "Message Body:",
            text,
            "",
            "-- ",
            "This e-mail was sent from a contact form on Sample Homes (https://samplehomes.test)",
        ],
        facts={**picked(who, "name", "email"), "message": text},
        source="contact_form_7",
        portal="",
    )


def webflow(dice: Dice) -> Draft:
    who, text = dice.person(), dice.choice(MESSAGES)
    rows = [
        ("Full Name", who["name"]),
        ("Email Address", who["email"]),
        ("Cell Phone", who.get("phone", "")),
        ("Favourite colour", "blue"),
    ]
    dice.shuffle(rows)
    return Draft(
        sender="no-reply-forms@webflow.com",
        subject="You have a new form submission",
        blocks=[rows, [("Message", text)]],
        facts={**picked(who, "name", "email", "phone"), "message": text},
        source="webflow",
        portal="Webflow",
    )


def zapier(dice: Dice) -> Draft:
    who = dice.person()
    lines = [who["name"], who["email"], *([who["phone"]] if "phone" in who else [])]
    return Draft(
        sender="Zapier <no-reply@zapiermail.com>",
        subject="New lead",
        blocks=["facebook ad: Spring buyers Austin", *lines],
        facts=picked(who, "name", "email", "phone"),
        source="zapier",
        portal="Zapier",
    )


def generic_form(dice: Dice) -> Draft:
    who, text = dice.person(), dice.choice(MESSAGES)
    rows = [
        (dice.label("name", 1), who["name"]),
        (dice.label("email", 1), who["email"]),
        (dice.label("phone", 1), who.get("phone", "")),
        (dice.label("message", 1), text),
    ]
    return Draft(
        sender="Sample Site <noreply@site.test>",
        subject="Website form",
        blocks=[rows],
        facts={**picked(who, "name", "email", "phone"), "message": text},
        source="generic",
        portal="",
    )


LAYOUTS: tuple[Callable[[Dice], Draft], ...] = (
    zillow_relay,
    zillow_sales,
    zillow_rentals,
    streeteasy,
    realtor_text,
    realtor_html,
    realtor_app,
    follow_up_boss,
    homes_labels,
    homes_thin,
    trulia,
    apartments_labels,
    apartments_2026,
    rental_site,
    yelp,
    avail,
    idx_notice,
    idx_rows,
    contact_form_7,
    webflow,
    zapier,
    generic_form,
)

NON_LEADS: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("StreetEasy <noreply@email.streeteasy.com>", "Your StreetEasy verification code", "482913 is your code.", {}),
    ("Zillow <no-reply@comet.zillow.com>", "New rental application received", "Ada Example applied for 12 Oak St.", {}),
    ("Follow Up Boss <leads@followupboss.com>", "Weekly digest", "Ada Example (512) 555-0142 was active.", {}),
    ("Ada Example <ab12@convo.zillow.com>", "Re: Ada is requesting information about 12 Oak St", "Ada says:\nok!", {}),
    ("no-reply@realtorpro.io", "New text message from Ada Example", "Sounds good", {}),
    (
        "Ada Example <ada@example.net>",
        "Automatic reply: your tour",
        "I am out of the office.",
        {"Auto-Submitted": "auto-replied"},
    ),
    ("Mail Delivery System <MAILER-DAEMON@mx.test>", "Undelivered Mail Returned to Sender", "user unknown", {}),
    ("Shop <news@shop.test>", "Spring sale", "Click here. Unsubscribe", {"List-Unsubscribe": "<mailto:x@shop.test>"}),
)
