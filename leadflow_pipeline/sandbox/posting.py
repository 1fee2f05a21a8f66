"""Posts sample leads to the receiver, as a website's form does.

Belongs here: sending and saying what went wrong. Does not belong here: making the posts (samples.py).
"""

from collections.abc import Iterable

import requests

from leadflow_pipeline.sandbox.samples import SamplePost

TIMEOUT_SECONDS = (3.0, 10.0)  # to connect, to answer


class ReceiverError(Exception):
    """The receiver is not there or took no lead; the message names the URL and the remedy."""


def post_leads(base_url: str, posts: Iterable[SamplePost]) -> list[str]:
    """Post each lead to its source's webhook and return the ids of the events they became."""
    with requests.Session() as session:
        # A proxy set for the outside world has no way to a stack on this machine.
        session.trust_env = False
        return [_post_lead(session, f"{base_url.rstrip('/')}/webhooks/{post.source}", post) for post in posts]


def _post_lead(session: requests.Session, url: str, post: SamplePost) -> str:
    try:
        answer = session.post(url, json=dict(post.body), timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise ReceiverError(
            f"No receiver answers at {url} ({type(error).__name__}): start the stack with `make up`,"
            " or check LEADFLOW_RECEIVER_PORT."
        ) from error
    if not answer.ok:
        raise ReceiverError(
            f"The receiver at {url} took no lead (status {answer.status_code}): `leadflow doctor` says why."
        )
    try:
        return str(answer.json()["event_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReceiverError(
            f"What answers at {url} is not leadflow's receiver: check LEADFLOW_RECEIVER_PORT."
        ) from error
