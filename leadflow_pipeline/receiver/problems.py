"""Refusals as RFC 9457 problem details: a status and one line that says what is wrong and what to do."""

from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse

TITLES = {
    400: "Not readable",
    401: "Not allowed",
    404: "Unknown source",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    415: "Content type not taken",
    422: "Fields missing or wrong",
    429: "Too many",
    500: "Our fault",
    503: "Not available now",
}
RETRY_AFTER_SECONDS = 10  # of a 503; a database that was restarted is back by then


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[str] = (),
    event_id: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem response. `errors` lists single faults; `event_id` is set where the post was stored all the same."""
    body: dict[str, object] = {"title": TITLES[status], "status": status, "detail": detail}
    if errors:
        body["errors"] = list(errors)
    if event_id is not None:
        body["event_id"] = event_id
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


class ProblemError(Exception):
    """Ends a request with a problem response; raised by whoever sees the fault, answered in one place."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[str] = (),
        event_id: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.event_id = event_id
        self.headers = headers

    def response(self) -> JSONResponse:
        """The answer that says so."""
        return problem(self.status, self.detail, errors=self.errors, event_id=self.event_id, headers=self.headers)
