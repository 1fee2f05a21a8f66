"""Reads a request's body, no further and no longer than allowed."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from leadflow_pipeline.receiver.problems import ProblemError

LARGEST_POST_BYTES = 1_000_000
SECONDS_TO_SEND = 30


async def read_body(request: Request) -> bytes:
    """The whole body. Raises `ProblemError` when it is too large, too slow or cut off."""
    closing = {"Connection": "close"}
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS_TO_SEND):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_POST_BYTES:
                    raise ProblemError(413, f"A post may have {LARGEST_POST_BYTES} bytes.", headers=closing)
    except TimeoutError as error:
        raise ProblemError(408, f"The body did not end within {SECONDS_TO_SEND} s.", headers=closing) from error
    except ClientDisconnect as error:
        raise ProblemError(400, "The connection ended before the body did.") from error
    return bytes(body)
