"""Posts a stand-in's webhooks, and again a few times where they are not taken, as vendors do.

Belongs here: sending beside the answers to calls. Does not belong here: what is sent and how it is signed.
"""

import asyncio
from collections.abc import Callable, Mapping

import requests

PAUSES_SECONDS = (0.0, 0.5, 2.0, 8.0)
PATIENCE_SECONDS = 10.0


class WebhookPosts:
    """Those of one stand-in. Lives in the event loop of its server."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, address: str, raw: bytes, sign: Callable[[], Mapping[str, str]]) -> None:
        """Post JSON without waiting for it; `sign` gives the headers for each try."""
        task = asyncio.create_task(_insist(address, raw, sign))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


async def _insist(address: str, raw: bytes, sign: Callable[[], Mapping[str, str]]) -> None:
    for pause in PAUSES_SECONDS:
        await asyncio.sleep(pause)
        if await asyncio.to_thread(_is_taken, address, raw, {"Content-Type": "application/json", **sign()}):
            return


def _is_taken(address: str, raw: bytes, headers: Mapping[str, str]) -> bool:
    try:
        return requests.post(address, data=raw, headers=headers, timeout=PATIENCE_SECONDS).ok
    except requests.RequestException:
        return False
