"""HubSpot's contacts, notes, tasks and owners, as far as leadflow uses them; it keeps what it is sent.

Documented (A): creating contacts with one of email, firstname, lastname, e-mail as the unique key, associations, rate
headers; webhooks for properties that change and their signature, version 3. General knowledge (K): 409 with the
existing id, search, batch read, owners, custom properties.
"""

import itertools
import json
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.domain.crm_notices import HUBSPOT_PROPERTIES, hubspot_signed_text
from leadflow_pipeline.domain.webhook_sources.signatures import base64_signatures
from leadflow_pipeline.sandbox.pages import show_page
from leadflow_pipeline.sandbox.sample_users import list_sample_users
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.sandbox.webhook_posts import WebhookPosts
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.vendor_settings import SANDBOX_KEY

LIMIT, WINDOW_SECONDS = 190, 10  # a private app of a Professional account (A)
STANDARD = {
    "email", "firstname", "lastname", "phone", "message", "address", "city", "state", "zip", "hubspot_owner_id",
    "company", "jobtitle", "lifecyclestage", "hs_lead_status", "notes_last_contacted",
}  # fmt: skip
ASSOCIATIONS = {"notes": 202, "tasks": 204}
Row = dict[str, Any]


class HubSpotStandIn:
    """One account. Lives in one event loop."""

    def __init__(self, *, limit: int | None = LIMIT, client_secret: str = "sandbox") -> None:
        self.webhook_url: str | None = None  # the app's one address; set in HubSpot's pages
        self._client_secret = client_secret
        self._posts = WebhookPosts()
        self.contacts: dict[str, Row] = {}
        self.related: dict[str, dict[str, Row]] = {"notes": {}, "tasks": {}}
        self.properties: dict[str, bool] = dict.fromkeys(STANDARD, False)  # name to whether its values are unique
        self.properties["email"] = True
        self.owners = [
            {"id": str(1000 + user.user_id), "email": user.email, "name": user.name} for user in list_sample_users()
        ]
        self._limit = limit
        self._window: deque[float] = deque()
        self._ids = itertools.count(5001)

    def routes(self) -> list[Route]:
        """The part of the API that leadflow uses."""
        contacts = "/crm/v3/objects/contacts"
        return [
            self._route(contacts, self.add_contact, "POST"),
            self._route(f"{contacts}/search", self.search_contacts, "POST"),
            self._route(contacts + "/{contact_id}", self.show_contact, "GET"),
            self._route(contacts + "/{contact_id}", self.change_contact, "PATCH"),
            self._route("/crm/v3/objects/{what}/batch/read", self.read_related, "POST"),
            self._route("/crm/v3/objects/{what}", self.add_related, "POST"),
            self._route("/crm/v3/owners", self.list_owners, "GET"),
            self._route("/crm/v3/properties/contacts", self.add_property, "POST"),
        ]

    def _route(self, path: str, handle: Any, method: str) -> Route:
        async def answer(request: Request) -> Response:
            if not request.headers.get("authorization", "").startswith("Bearer "):
                return _fault(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
            now = time.monotonic()
            while self._window and self._window[0] <= now - WINDOW_SECONDS:
                self._window.popleft()
            if self._limit is not None and len(self._window) >= self._limit:
                response: Response = _limited(WINDOW_SECONDS)
            else:
                self._window.append(now)
                response = await handle(request)
            if self._limit is not None:
                response.headers["X-HubSpot-RateLimit-Max"] = str(self._limit)
                response.headers["X-HubSpot-RateLimit-Remaining"] = str(max(0, self._limit - len(self._window)))
                response.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = str(WINDOW_SECONDS * 1000)
            return response

        return Route(path, answer, methods=[method])

    async def add_contact(self, request: Request) -> Response:
        """A new contact; 409 where a unique value is taken."""
        properties = (await _read(request)).get("properties") or {}
        refusal = self._check(properties) or self._find_conflict(properties, None)
        if refusal is not None:
            return refusal
        if not any(properties.get(name) for name in ("email", "firstname", "lastname")):
            return _fault(400, "VALIDATION_ERROR", "One of email, firstname, lastname is required.")
        contact = self._new(properties)
        self.contacts[contact["id"]] = contact
        return JSONResponse(contact, 201)

    async def search_contacts(self, request: Request) -> Response:
        """Contacts whose property equals a value."""
        body = await _read(request)
        filters = [each for group in body.get("filterGroups", []) for each in group["filters"]]
        if any(each["propertyName"] not in self.properties for each in filters):
            return _fault(400, "VALIDATION_ERROR", "There was a problem with the request: property does not exist.")
        found = [
            contact
            for contact in self.contacts.values()
            if all(_same(contact["properties"].get(each["propertyName"]), each["value"]) for each in filters)
        ]
        return JSONResponse({"total": len(found), "results": found[: body.get("limit", 10)]})

    async def show_contact(self, request: Request) -> Response:
        """One contact, with its notes or tasks where `associations` asks for them."""
        contact = self.contacts.get(request.path_params["contact_id"])
        if contact is None:
            return _unknown()
        what = request.query_params.get("associations")
        if not what:
            return JSONResponse(contact)
        results = [{"id": each["id"]} for each in self.related[what].values() if each["contact_id"] == contact["id"]]
        return JSONResponse({**contact, "associations": {what: {"results": results}} if results else {}})

    async def change_contact(self, request: Request) -> Response:
        """Write some properties."""
        contact = self.contacts.get(request.path_params["contact_id"])
        if contact is None:
            return _unknown()
        properties = (await _read(request)).get("properties") or {}
        refusal = self._check(properties) or self._find_conflict(properties, contact["id"])
        if refusal is not None:
            return refusal
        changed = {name: value for name, value in properties.items() if contact["properties"].get(name) != value}
        contact["properties"].update(properties)
        self._tell(contact["id"], changed)
        return JSONResponse(contact)

    def _tell(self, contact_id: str, changed: Mapping[str, Any]) -> None:
        """Tell of changed properties that the app has subscribed to."""
        now = int(time.time() * 1000)
        events = [
            {
                "eventId": next(self._ids),
                "subscriptionId": 1,
                "portalId": 62515,
                "appId": 54321,
                "occurredAt": now,
                "subscriptionType": "contact.propertyChange",
                "attemptNumber": 0,
                "objectId": int(contact_id),
                "propertyName": name,
                "propertyValue": value,
                "changeSource": "CRM_UI",
            }
            for name, value in changed.items()
            if name in HUBSPOT_PROPERTIES
        ]
        if self.webhook_url is None or not events:
            return
        address, raw = self.webhook_url, json.dumps(events).encode()

        def sign() -> Mapping[str, str]:
            timestamp = str(int(time.time() * 1000))
            [signature] = base64_signatures([self._client_secret], hubspot_signed_text(address, raw, timestamp))
            return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}

        self._posts.send(address, raw, sign)

    async def add_related(self, request: Request) -> Response:
        """A note or a task, associated to a contact."""
        what, body = request.path_params["what"], await _read(request)
        if what not in self.related:
            return _unknown()
        associations = body.get("associations") or []
        contact_id = str(associations[0]["to"]["id"]) if associations else ""
        if contact_id not in self.contacts:
            return _fault(400, "VALIDATION_ERROR", "The association names no contact.")
        if associations[0]["types"][0]["associationTypeId"] != ASSOCIATIONS[what]:
            return _fault(400, "VALIDATION_ERROR", "The association type does not fit.")
        if not (body.get("properties") or {}).get("hs_timestamp"):
            return _fault(400, "VALIDATION_ERROR", "hs_timestamp is required.")
        row = {**self._new(body["properties"]), "contact_id": contact_id}
        self.related[what][row["id"]] = row
        return JSONResponse(row, 201)

    async def read_related(self, request: Request) -> Response:
        """Notes or tasks by their ids."""
        rows = self.related.get(request.path_params["what"])
        if rows is None:
            return _unknown()
        wanted = [str(each["id"]) for each in (await _read(request)).get("inputs", [])]
        return JSONResponse({"status": "COMPLETE", "results": [rows[each] for each in wanted if each in rows]})

    async def list_owners(self, request: Request) -> Response:
        """The brokerage's people."""
        email = request.query_params.get("email", "").casefold()
        return JSONResponse({"results": [each for each in self.owners if email in ("", each["email"].casefold())]})

    async def add_property(self, request: Request) -> Response:
        """A property of one's own."""
        body = await _read(request)
        if body["name"] in self.properties:
            return _fault(409, "OBJECT_ALREADY_EXISTS", f"A property named '{body['name']}' already exists.")
        self.properties[body["name"]] = bool(body.get("hasUniqueValue"))
        return JSONResponse(body, 201)

    async def show_contacts(self, _: Request) -> Response:
        """The contacts as an agent sees them, the newest first."""
        owners = {owner["id"]: owner["name"] for owner in self.owners}
        cards = [
            {
                "contact": contact["properties"],
                "owner": owners.get(contact["properties"].get("hubspot_owner_id", "")),
                "notes": [row for row in self.related["notes"].values() if row["contact_id"] == contact["id"]],
                "tasks": [row for row in self.related["tasks"].values() if row["contact_id"] == contact["id"]],
            }
            for contact in reversed(list(self.contacts.values())[-200:])
        ]
        return show_page("hubspot.html", cards=cards, total=len(self.contacts))

    def _check(self, properties: Mapping[str, Any]) -> Response | None:
        unknown = [name for name in properties if name not in self.properties]
        if not unknown:
            return None
        text = f'Property values were not valid: Property "{unknown[0]}" does not exist (PROPERTY_DOESNT_EXIST)'
        return _fault(400, "VALIDATION_ERROR", text)

    def _find_conflict(self, properties: Mapping[str, Any], own_id: str | None) -> Response | None:
        for name, value in properties.items():
            if not self.properties[name]:
                continue
            for contact in self.contacts.values():
                if contact["id"] != own_id and _same(contact["properties"].get(name), value):
                    return _fault(409, "CONFLICT", f"Contact already exists. Existing ID: {contact['id']}")
        return None

    def _new(self, properties: Mapping[str, Any]) -> Row:
        moment = datetime.now(UTC).isoformat()
        return {
            "id": str(next(self._ids)),
            "properties": dict(properties),
            "createdAt": moment,
            "updatedAt": moment,
            "archived": False,
        }


def build(settings: Settings) -> Vendor:
    """The stand-in with the documented limit; it tells the sandbox's own receiver what happens."""
    [client_secret, *_] = settings.crm_secrets("hubspot") or (SANDBOX_KEY,)
    account = HubSpotStandIn(client_secret=client_secret)
    account.webhook_url = settings.crm_webhook_url("hubspot")
    return as_vendor(account)


def as_vendor(account: HubSpotStandIn) -> Vendor:
    """An account as a stand-in on the sandbox's server."""
    return Vendor(
        name="hubspot",
        routes=account.routes(),
        pages=[Route("/", account.show_contacts)],
        answer_limited=_limited,
        answer_failed=lambda: _fault(500, "INTERNAL_ERROR", "Internal error."),
    )


def _limited(seconds: int) -> Response:
    text = "You have reached your ten_secondly_rolling limit."
    body = {"status": "error", "message": text, "errorType": "RATE_LIMIT"}
    return JSONResponse(body, 429, {"Retry-After": str(seconds)})


def _fault(status: int, category: str, text: str) -> Response:
    return JSONResponse({"status": "error", "message": text, "category": category}, status)


def _unknown() -> Response:
    return _fault(404, "OBJECT_NOT_FOUND", "Object not found.")


def _same(one: object, other: object) -> bool:
    return one is not None and str(one).casefold() == str(other).casefold()


async def _read(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return {}
