"""The facts of one lead in one spelling each: the row of `leads.normalized_leads`.

Here a staged lead's fields are brought together: what stands in the wrong field moves, rent and purchase
are told apart. How a single phone, name or amount is read is decided in the modules named after them.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from leadflow_pipeline.domain.addresses import Address, normalize_address
from leadflow_pipeline.domain.emails import Email, normalize_email
from leadflow_pipeline.domain.money import Money, parse_money
from leadflow_pipeline.domain.names import Name, normalize_name
from leadflow_pipeline.domain.phones import Phone, normalize_phone
from leadflow_pipeline.domain.plain_text import clean_line, clean_paragraphs
from leadflow_pipeline.domain.staged_leads import StagedLead

_NAME_LIMIT = 200
_SHORT_LIMIT = 200
_MLS_LIMIT = 60
_URL_LIMIT = 2_000
_MESSAGE_LIMIT = 20_000
# An amount without a period: below the first nobody buys, below the second a renter means the rent.
_LEAST_PURCHASE = Decimal(10_000)
_MOST_RENT = Decimal(50_000)

_LEAD_TYPES = (
    (
        re.compile(r"\b(?:rent|rents|renter|rental|rentals|renting|tenant|lease|leasing|inquilino|alquiler)\b", re.I),
        "renter",
    ),
    (
        re.compile(r"\b(?:sell|seller|sellers|selling|list|listing my|vendedor|vender|home ?owner|valuation)\b", re.I),
        "seller",
    ),
    (
        re.compile(r"\b(?:buy|buyer|buyers|buying|purchase|purchaser|purchasing|comprador|comprar)\b", re.I),
        "buyer",
    ),
)
_MLS_LABEL = re.compile(r"^(?:mls|listing)?\s*(?:id|no|number|num)?\s*[#:.\s]*", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_BARE_URL = re.compile(r"www\.[^\s<>\"]+\.[^\s<>\"]+", re.IGNORECASE)
_NOTHING = Email(original="")


@dataclass(frozen=True, kw_only=True)
class NormalizedLead:
    """One lead in clean facts; each as its source wrote it stays in `staged_leads`."""

    full_name: str | None = None
    first_name: str | None = None  # of a couple: the person named first
    last_name: str | None = None
    email: str | None = None  # reaches the person directly; the mailbox is spelled as written, so compare without case
    email_problem: str | None = None
    email_kind: str | None = None  # person, role, disposable, relay; relay too where only `relay_email` is known
    email_suggestion: str | None = None  # what was probably meant; never used unasked
    relay_email: str | None = None  # reaches the person through the portal; never enriched, never merged on
    phone_e164: str | None = None  # only a number that can be somebody's, so safe to merge on
    phone_extension: str | None = None
    phone_valid: bool = False
    phone_problem: str | None = None
    phone_kind: str | None = None
    other_phones: tuple[str, ...] = ()
    address: str | None = None  # where the person lives, on one line
    street: str | None = None
    unit: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    address_problem: str | None = None
    property_address: str | None = None  # what the person asked about, on one line
    property_city: str | None = None
    property_state: str | None = None
    property_zip: str | None = None
    property_mls_id: str | None = None
    property_price: Decimal | None = None  # a rental's price is its monthly rent
    property_url: str | None = None
    budget_low: Decimal | None = None
    budget_high: Decimal | None = None
    budget: Decimal | None = None  # for a purchase: the upper end of what was said
    rent_monthly: Decimal | None = None  # what the person wants to pay as rent; never mixed with `budget`
    lead_type: str | None = None  # buyer, seller or renter
    timeframe: str | None = None
    message: str | None = None
    sender_unproven: bool = False  # the mail claims a portal that does not stand behind it


def normalize_lead(staged: StagedLead, *, region: str) -> NormalizedLead:
    """The clean facts of `staged`; `region` is the country of phone numbers that do not name theirs."""
    name = normalize_name(staged.name, first=staged.first_name, last=staged.last_name)
    email = _email(staged.email, name)
    relay = _given_email(staged.relay_email)
    home = _given_address(staged.address)
    estate = _given_address(staged.property_address)
    phone = _phone(staged.phone, name, region=_region(home, estate, region))
    lead_type = _lead_type(staged.lead_type)
    money = parse_money(staged.budget) if staged.budget else None
    is_rent = money is not None and _is_rent(money, lead_type)
    purchase = money if money and not is_rent and _is_purchase(money) else None
    price = parse_money(staged.property_price) if staged.property_price else None
    direct = None if email.portal else email.address
    relay_email = relay.address or (email.address if email.portal else None)
    return NormalizedLead(
        full_name=_cut(name.full),
        first_name=_cut(name.first),
        last_name=_cut(name.last),
        email=direct,
        email_problem=email.problem,
        email_kind=email.kind or ("relay" if relay_email else None),
        email_suggestion=email.suggestion,
        relay_email=relay_email,
        phone_e164=phone.e164 if phone else None,
        phone_extension=phone.extension if phone else None,
        phone_valid=phone.valid if phone else False,
        phone_problem=phone.problem if phone else None,
        phone_kind=phone.kind if phone else None,
        other_phones=phone.others if phone else (),
        address=home.one_line,
        street=home.street,
        unit=home.unit,
        city=home.city,
        state=home.state,
        zip=home.zip,
        address_problem=home.problem,
        property_address=estate.one_line,
        property_city=estate.city,
        property_state=estate.state,
        property_zip=estate.zip,
        property_mls_id=_mls_id(staged.property_mls_id),
        property_price=price.amount if price else None,
        property_url=_url(staged.property_url),
        budget_low=purchase.low if purchase else None,
        budget_high=purchase.high if purchase else None,
        budget=purchase.amount if purchase else None,
        rent_monthly=money.amount if money and is_rent else None,
        lead_type=lead_type,
        timeframe=clean_line(staged.timeframe, _SHORT_LIMIT) or None,
        message=clean_paragraphs(staged.message, _MESSAGE_LIMIT) or None,
        sender_unproven=staged.extra.get("suspected_forgery") is True,
    )


def _email(field: str | None, name: Name) -> Email:
    """The e-mail field's address, else the one that stood in the name."""
    given = _given_email(field)
    return given if given.address or not name.email else normalize_email(name.email)


def _given_email(text: str | None) -> Email:
    return normalize_email(text) if text else _NOTHING


def _given_address(text: str | None) -> Address:
    return normalize_address(text) if text else Address(original="")


def _phone(field: str | None, name: Name, *, region: str) -> Phone | None:
    """The phone field's number, else the one found in the name; a second one joins the others."""
    if not field:
        return normalize_phone(name.phone, region=region) if name.phone else None
    if not name.phone:
        return normalize_phone(field, region=region)
    return normalize_phone(f"{clean_line(field, 150)} | {name.phone}", region=region)


def _region(home: Address, estate: Address, region: str) -> str:
    """The country an address proves, else the configured one."""
    return "US" if any(each.state and each.zip and not each.problem for each in (home, estate)) else region


def _lead_type(text: str | None) -> str | None:
    line = clean_line(text, _SHORT_LIMIT)
    return next((kind for pattern, kind in _LEAD_TYPES if pattern.search(line)), None)


def _is_rent(money: Money, lead_type: str | None) -> bool:
    """Whether the amount is a rent: said to be per month, or too small for anything else."""
    if money.per_month:
        return True
    most = _MOST_RENT if lead_type == "renter" else _LEAST_PURCHASE
    return lead_type in (None, "renter") and (money.amount or most) < most


def _is_purchase(money: Money) -> bool:
    return not money.per_month and (money.amount or Decimal(0)) >= _LEAST_PURCHASE


def _mls_id(text: str | None) -> str | None:
    return _MLS_LABEL.sub("", clean_line(text, _MLS_LIMIT)).strip(" .,;") or None


def _url(text: str | None) -> str | None:
    """The web address, or None: anything but http would become a link in a CRM."""
    line = clean_line(text, _URL_LIMIT)
    if found := _URL.search(line):
        return found[0].rstrip(".,;)")
    found = _BARE_URL.match(line)
    return f"https://{found[0].rstrip('.,;)')}" if found else None


def _cut(text: str | None) -> str | None:
    return text[:_NAME_LIMIT].rstrip() or None if text else None
