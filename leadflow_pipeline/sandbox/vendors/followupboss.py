"""Follow Up Boss as docs.followupboss.com describes it, as far as leadflow uses it; it keeps what it is sent.

Duplicates: same e-mail, or same phone and full name (A). A new person cannot be reached for a moment (A). A source
whose lead flow is archived gets 204 (A): here the source `archived`. An unknown person is 404 (A). Searching, notes,
users, the fields of calls, texts, e-mails and appointments: K; tasks: C. Limits over a sliding 10 s: POST /events none,
GET /events 20, the rest 250 (A). Webhooks (A): registered by event, signed, ids only, and the name of a new stage.
"""

import base64
import itertools
import json
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.domain.crm_notices import FOLLOW_UP_BOSS_EVENTS
from leadflow_pipeline.domain.plain_text import clean_line
from leadflow_pipeline.domain.webhook_sources.signatures import hex_signatures
from leadflow_pipeline.sandbox.pages import show_page
from leadflow_pipeline.sandbox.sample_users import list_sample_users
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.sandbox.webhook_posts import WebhookPosts
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.vendor_settings import SANDBOX_KEY

UNREACHABLE_SECONDS = 0.3
WINDOW_SECONDS = 10
LIMITS = {"global": 250, "events": 20}
ARCHIVED = "archived"
# What agents do in the CRM: its collection, and the event that tells of it.
ACTIVITIES = {
    "calls": "callsCreated",
    "textMessages": "textMessagesCreated",
    "emails": "emailsCreated",
    "appointments": "appointmentsCreated",
}
Row = dict[str, Any]


class FollowUpBossStandIn:
    """One account. Lives in one event loop: a handler is never interrupted between looking and writing."""

    def __init__(
        self,
        *,
        limits: Mapping[str, int] = LIMITS,
        clock: Callable[[], float] = time.monotonic,
        system_key: str = "sandbox",
    ) -> None:
        self.activities: dict[str, dict[int, Row]] = {collection: {} for collection in ACTIVITIES}
        self.webhooks: dict[str, list[str]] = {}  # addresses by event
        self._system_key = system_key
        self._posts = WebhookPosts()
        self.people: dict[int, Row] = {}
        self.events: list[Row] = []
        self.notes: list[Row] = []
        self.tasks: list[Row] = []
        self.users: list[Row] = [
            {"id": user.user_id, "name": user.name, "email": user.email, "role": "Agent"}
            for user in list_sample_users()
        ]
        self._limits = limits
        self._clock = clock
        self._windows: dict[str, deque[float]] = {context: deque() for context in limits}
        self._reachable_at: dict[int, float] = {}
        self._ids = itertools.count(1001)
        self._by_email: dict[str, int] = {}
        self._by_phone_and_name: dict[tuple[str, str], int] = {}

    def routes(self) -> list[Route]:
        """The part of the API that leadflow uses."""
        return [
            self._route("/v1/events", self.take_event, "POST"),
            self._route("/v1/events", self.list_events, "GET", "events"),
            self._route("/v1/people", self.list_people, "GET"),
            self._route("/v1/people/{person_id:int}", self.show_person, "GET"),
            self._route("/v1/people/{person_id:int}", self.change_person, "PUT"),
            self._route("/v1/notes", self.take_note, "POST"),
            self._route("/v1/notes", lambda request: self._list_of(request, "notes", self.notes), "GET"),
            self._route("/v1/tasks", self.take_task, "POST"),
            self._route("/v1/tasks", lambda request: self._list_of(request, "tasks", self.tasks), "GET"),
            self._route("/v1/users", self.list_users, "GET"),
            self._route("/v1/webhooks", self.add_webhook, "POST"),
            self._route("/v1/{collection}", self.take_activity, "POST"),
            self._route("/v1/{collection}/{activity_id:int}", self.show_activity, "GET"),
        ]

    async def take_event(self, request: Request) -> Response:
        """A lead: 201 with a new person, 200 with a known one, 204 where it is ignored."""
        body = await _read(request)
        if not isinstance(body, dict) or not isinstance(body.get("person"), dict) or not body.get("source"):
            return _fault(400, "source and person are required.")
        if body["source"] == ARCHIVED:
            return Response(status_code=204)
        found = self._find_duplicate(body["person"])
        person = self.people[found] if found is not None else self._add_person(body)
        self._learn(person, body["person"])
        occurred_at = _moment(body.get("occurredAt"))
        is_history = occurred_at is not None and occurred_at < datetime.now(UTC) - timedelta(days=1)
        event = {"id": next(self._ids), "created": _now(), "personId": person["id"], "isHistory": is_history}
        self.events.append({**event, **{name: value for name, value in body.items() if name != "person"}})
        return JSONResponse(person, 200 if found is not None else 201)

    async def list_events(self, request: Request) -> Response:
        """Events, of one person where `personId` says so."""
        return self._list_of(request, "events", self.events)

    async def list_people(self, request: Request) -> Response:
        """People by e-mail, phone or name."""
        query = request.query_params
        found = [
            person
            for person in self._candidates(query)
            if self._is_reachable(person["id"])
            and ("email" not in query or query["email"].casefold() in _values(person, "emails"))
            and ("phone" not in query or _digits(query["phone"]) in map(_digits, _values(person, "phones")))
            and ("name" not in query or query["name"].casefold() == str(person["name"]).casefold())
        ]
        return _page(request, "people", found)

    async def show_person(self, request: Request) -> Response:
        """One person."""
        person = self._find(request.path_params["person_id"])
        return _unknown() if person is None else JSONResponse(person)

    async def change_person(self, request: Request) -> Response:
        """Change a person, for example whom it is assigned to."""
        person = self._find(request.path_params["person_id"])
        if person is None:
            return _unknown()
        body = await _read(request)
        is_moved = "stage" in body and body["stage"] != person["stage"]
        person.update(body)
        person["assignedTo"] = self._user_name(person.get("assignedUserId"))
        person["updated"] = _now()
        if is_moved:
            self._tell("peopleStageUpdated", "people", person["id"], data={"stage": person["stage"]})
        return JSONResponse(person)

    async def add_webhook(self, request: Request) -> Response:
        """Have an event told to an address."""
        body = await _read(request)
        if not body.get("event") or not body.get("url"):
            return _fault(400, "event and url are required.")
        addresses = self.webhooks.setdefault(body["event"], [])
        if len(addresses) >= 2:
            return _fault(400, "There are two webhooks for this event already.")
        addresses.append(body["url"])
        return JSONResponse({"id": next(self._ids), "status": "Active", **body}, 201)

    async def take_activity(self, request: Request) -> Response:
        """A call, text, e-mail or appointment that somebody logs."""
        collection, body = request.path_params["collection"], await _read(request)
        if collection not in ACTIVITIES:
            return _fault(404, "There is nothing here.")
        activity: Row = {"id": next(self._ids), "created": _now(), "isIncoming": False, **body}
        self.activities[collection][activity["id"]] = activity
        self._tell(ACTIVITIES[collection], collection, activity["id"])
        return JSONResponse(activity, 201)

    async def show_activity(self, request: Request) -> Response:
        """One call, text, e-mail or appointment."""
        found = self.activities.get(request.path_params["collection"], {}).get(request.path_params["activity_id"])
        return _fault(404, "There is nothing here.") if found is None else JSONResponse(found)

    async def take_note(self, request: Request) -> Response:
        """A note on a person."""
        body = await _read(request)
        if self._find(body.get("personId")) is None:
            return _unknown()
        note = {"id": next(self._ids), "created": _now(), "subject": None, "isHtml": False, **body}
        self.notes.append(note)
        return JSONResponse(note, 201)

    async def take_task(self, request: Request) -> Response:
        """A task on a person, for a user."""
        body = await _read(request)
        if self._find(body.get("personId")) is None:
            return _unknown()
        if not body.get("assignedUserId") and not body.get("assignedTo"):
            return _fault(400, "assignedUserId or assignedTo is required.")
        task = {"id": next(self._ids), "created": _now(), "isCompleted": False, **body}
        self.tasks.append(task)
        return JSONResponse(task, 201)

    async def list_users(self, request: Request) -> Response:
        """The brokerage's people."""
        email = request.query_params.get("email", "").casefold()
        return _page(request, "users", [user for user in self.users if not email or user["email"].casefold() == email])

    async def show_people(self, _: Request) -> Response:
        """The list of people as an agent sees it, the newest first."""
        cards = [
            {
                "person": person,
                "owner": self._user_name(person.get("assignedUserId")),
                "events": [event for event in self.events if event["personId"] == person["id"]],
                "notes": [note for note in self.notes if note["personId"] == person["id"]],
                "tasks": [
                    {**task, "owner": self._user_name(task.get("assignedUserId"))}
                    for task in self.tasks
                    if task["personId"] == person["id"]
                ],
            }
            for person in sorted(self.people.values(), key=lambda each: -each["id"])[:200]
        ]
        return show_page("followupboss.html", cards=cards, total=len(self.people))

    def _tell(self, event: str, collection: str, resource_id: int, **more: Row) -> None:
        """Tell of an event to whoever wants to know."""
        notice = {
            "eventId": str(uuid.uuid4()),
            "eventCreated": datetime.now(UTC).isoformat(timespec="seconds"),
            "event": event,
            "resourceIds": [resource_id],
            "uri": f"https://api.followupboss.com/v1/{collection}?id={resource_id}",
            **more,
        }
        raw = json.dumps(notice).encode()
        [signature] = hex_signatures([self._system_key], base64.b64encode(raw))
        for address in self.webhooks.get(event, []):
            self._posts.send(address, raw, lambda: {"FUB-Signature": signature})

    def _route(self, path: str, handle: Callable[[Request], Any], method: str, context: str = "global") -> Route:
        async def answer(request: Request) -> Response:
            if not request.headers.get("authorization", "").startswith("Basic "):
                return _fault(401, "Access denied. Invalid or missing credentials.")
            is_free = path == "/v1/events" and method == "POST"
            retry_after = 0 if is_free else self._count(context)
            if retry_after:
                response: Response = _limited(retry_after)
            else:
                given = handle(request)
                response = given if isinstance(given, Response) else await given
            self._add_rate_headers(response, context)
            return response

        return Route(path, answer, methods=[method])

    def _count(self, context: str) -> int:
        """Count a call; gives the seconds to wait where the window is full."""
        if context not in self._limits:
            return 0
        window, now = self._window(context), self._clock()
        if len(window) >= self._limits[context]:
            return max(1, int(window[0] + WINDOW_SECONDS - now) + 1)
        window.append(now)
        return 0

    def _window(self, context: str) -> deque[float]:
        window, now = self._windows[context], self._clock()
        while window and window[0] <= now - WINDOW_SECONDS:
            window.popleft()
        return window

    def _add_rate_headers(self, response: Response, context: str) -> None:
        if context in self._limits:
            limit = self._limits[context]
            response.headers["X-RateLimit-Limit"] = str(limit)
            response.headers["X-RateLimit-Remaining"] = str(max(0, limit - len(self._window(context))))
            response.headers["X-RateLimit-Window"] = str(WINDOW_SECONDS)
            response.headers["X-RateLimit-Context"] = context

    def _find_duplicate(self, told: Row) -> int | None:
        for email in _values(told, "emails"):
            if email in self._by_email:
                return self._by_email[email]
        for phone in _values(told, "phones"):
            if (_digits(phone), _full_name(told).casefold()) in self._by_phone_and_name:
                return self._by_phone_and_name[_digits(phone), _full_name(told).casefold()]
        return None

    def _add_person(self, body: Row) -> Row:
        told = body["person"]
        person: Row = {
            "id": next(self._ids),
            "created": _now(),
            "updated": _now(),
            "name": _full_name(told),
            "firstName": told.get("firstName"),
            "lastName": told.get("lastName"),
            "stage": "Lead",
            "source": body["source"],
            "emails": [],
            "phones": [],
            "addresses": [],
            "background": None,
            "tags": [],
            "assignedUserId": told.get("assignedUserId"),
            "assignedTo": self._user_name(told.get("assignedUserId")),
        }
        self.people[person["id"]] = person
        self._reachable_at[person["id"]] = self._clock() + UNREACHABLE_SECONDS
        return person

    def _learn(self, person: Row, told: Row) -> None:
        """Add what a further inquiry tells; name and owner stay as they are."""
        for kind in ("emails", "phones"):
            known = _values(person, kind)
            person[kind] += [each for each in told.get(kind) or [] if str(each.get("value")).casefold() not in known]
        person["tags"] += [tag for tag in told.get("tags") or [] if tag not in person["tags"]]
        for email in _values(person, "emails"):
            self._by_email.setdefault(email, person["id"])
        for phone in _values(person, "phones"):
            self._by_phone_and_name.setdefault((_digits(phone), person["name"].casefold()), person["id"])

    def _candidates(self, query: Mapping[str, str]) -> list[Row]:
        if "email" in query:
            found = self._by_email.get(query["email"].casefold())
            return [] if found is None else [self.people[found]]
        return list(self.people.values())

    def _is_reachable(self, person_id: int) -> bool:
        return self._clock() >= self._reachable_at.get(person_id, 0.0)

    def _find(self, person_id: object) -> Row | None:
        person = self.people.get(person_id) if isinstance(person_id, int) else None
        return person if person is not None and self._is_reachable(person["id"]) else None

    def _user_name(self, user_id: object) -> str | None:
        return next((str(user["name"]) for user in self.users if user["id"] == user_id), None)

    def _list_of(self, request: Request, name: str, rows: list[Row]) -> Response:
        wanted = request.query_params.get("personId")
        return _page(request, name, [row for row in rows if wanted is None or str(row["personId"]) == wanted])


def build(settings: Settings) -> Vendor:
    """The stand-in with the documented limits; it tells the sandbox's own receiver what happens."""
    [system_key, *_] = settings.crm_secrets("followupboss") or (SANDBOX_KEY,)
    account = FollowUpBossStandIn(system_key=system_key)
    account.webhooks = {event: [settings.crm_webhook_url("followupboss")] for event in FOLLOW_UP_BOSS_EVENTS}
    return as_vendor(account)


def as_vendor(account: FollowUpBossStandIn) -> Vendor:
    """An account as a stand-in on the sandbox's server."""
    return Vendor(
        name="followupboss",
        routes=account.routes(),
        pages=[Route("/", account.show_people)],
        answer_limited=_limited,
        answer_failed=lambda: _fault(500, "Internal server error."),
    )


def _limited(retry_after: int) -> Response:
    return JSONResponse({"errorMessage": "Rate limit exceeded."}, 429, {"Retry-After": str(retry_after)})


def _fault(status: int, text: str) -> Response:
    return JSONResponse({"errorMessage": text}, status)


def _unknown() -> Response:
    return _fault(404, "The requested person does not exist.")


def _page(request: Request, name: str, rows: list[Row]) -> Response:
    limit = min(int(request.query_params.get("limit", "10")), 100)
    offset = int(request.query_params.get("offset", "0"))
    about = {"collection": name, "offset": offset, "limit": limit, "total": len(rows)}
    return JSONResponse({"_metadata": about, name: rows[offset : offset + limit]})


async def _read(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return {}


def _values(person: Row, kind: str) -> list[str]:
    return [str(each.get("value") or "").casefold() for each in person.get(kind) or [] if each.get("value")]


def _full_name(told: Row) -> str:
    return clean_line(f"{told.get('firstName') or ''} {told.get('lastName') or ''}", 200)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))[-10:]


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
