"""Fetches the people that notices only name, for a batch: a few at a time, and no longer than the batch can wait.

What a vendor tells is kept beside the notice as soon as it is here, so that nobody is asked twice for one lead.
"""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from leadflow_pipeline.domain.errors import PermanentError, TransientError
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.domain.webhook_sources.source import UnreadablePostError
from leadflow_pipeline.stages.store import Store

AT_ONCE = 8
SECONDS_FOR_ALL = 4.0  # the other leads of the batch wait as long

Contact = bytes | PermanentError | TransientError


class ContactSource(Protocol):
    """A vendor that is asked for the contact behind an id."""

    def fetch(self, contact_id: str) -> bytes: ...


def fetch_contacts(
    store: Store,
    batch_id: uuid.UUID,
    events: Sequence[Mapping[str, Any]],
    contact_sources: Mapping[str, ContactSource],
) -> Mapping[int, Contact]:
    """What became of each contact that these events need, by event id; those already here are not asked for."""
    known: dict[int, Contact] = {
        event["event_id"]: bytes(event["contact"]) for event in events if event["contact"] is not None
    }
    wanted = [(event, contact_id) for event in events if (contact_id := _find_wanted(event)) is not None]
    if not wanted:
        return known
    asked = _ask(wanted, contact_sources)
    found = [(event_id, contact) for event_id, contact in asked.items() if isinstance(contact, bytes)]
    if found:
        with store.transaction() as transaction:
            transaction.execute(
                "keep_contacts",
                batch_id=batch_id,
                event_ids=[event_id for event_id, _ in found],
                contacts=[contact for _, contact in found],
            )
    return known | asked


def _find_wanted(event: Mapping[str, Any]) -> str | None:
    """The id that this event's vendor has to be asked for."""
    source = SOURCES.get(event["source"]) if event["channel"] == "webhook" else None
    if source is None or source.read_contact is None or event["contact"] is not None:
        return None
    try:
        return source.read(bytes(event["raw"]), event["content_type"]).contact_id
    except UnreadablePostError:
        return None


def _ask(
    wanted: Sequence[tuple[Mapping[str, Any], str]], contact_sources: Mapping[str, ContactSource]
) -> dict[int, Contact]:
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="contacts")
    asking: dict[int, Future[bytes]] = {
        event["event_id"]: threads.submit(_fetch, contact_sources, event["source"], contact_id)
        for event, contact_id in wanted
    }
    wait(asking.values(), timeout=SECONDS_FOR_ALL)
    threads.shutdown(wait=False, cancel_futures=True)
    return {event_id: _outcome(future) for event_id, future in asking.items()}


def _fetch(contact_sources: Mapping[str, ContactSource], source: str, contact_id: str) -> bytes:
    if source not in contact_sources:
        raise PermanentError(f"Nobody is configured to ask {source} for a contact.")
    return contact_sources[source].fetch(contact_id)


def _outcome(future: Future[bytes]) -> Contact:
    if not future.done() or future.cancelled():
        return TransientError("The vendor did not tell in time who this is; it is asked again.")
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, PermanentError | TransientError):
        return error
    return PermanentError(f"Asking the vendor failed with {type(error).__name__}; a fault in leadflow.")
