"""The stand-in of language models: `/llm/v1/messages` (Anthropic) and `/llm/v1/chat/completions` (OpenAI).

It judges with the local model, and misbehaves when the inquiry holds one of its words (see `BEHAVIOURS`), so that every
way an answer can go wrong can be had on purpose. Time-outs and rate limits come from the control plane.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadflow_pipeline.adapters.intent_model_file import load_model
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

# A word in the inquiry, and what the stand-in then does.
BEHAVIOURS = {
    "zzrefuse": "refuse",
    "zzgarbage": "garbage",
    "zzmalformed": "malformed",
    "zztoohot": "too hot",
    "zzobey": "too hot",
}
TOO_HOT = {"intent": "buy_now", "sentiment": "positive", "readiness": 3, "confidence": 1.0}


def build(_: Settings) -> Vendor:
    """The stand-in of every language model."""
    return Vendor(
        name="llm",
        routes=[
            Route("/v1/messages", answer_messages, methods=["POST"]),
            Route("/v1/chat/completions", answer_completions, methods=["POST"]),
        ],
        answer_failed=lambda: JSONResponse(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529
        ),
        answer_limited=lambda retry_after: JSONResponse(
            {"type": "error", "error": {"type": "rate_limit_error", "message": "Too many requests"}},
            429,
            {"retry-after": str(retry_after)},
        ),
    )


async def answer_messages(request: Request) -> Response:
    """As Anthropic's Messages answer: a `tool_use` block, or `stop_reason` `refusal`."""
    if not request.headers.get("x-api-key") or not request.headers.get("anthropic-version"):
        return JSONResponse(
            {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}, 401
        )
    try:
        asked = await request.json()
        inquiry = _inquiry(asked["messages"][-1]["content"])
        tool = asked["tool_choice"]["name"]
    except (ValueError, LookupError, TypeError):
        return JSONResponse(
            {"type": "error", "error": {"type": "invalid_request_error", "message": "the body is not a question"}}, 400
        )
    behaviour = _behaviour(inquiry)
    if behaviour == "garbage":
        return Response("<html>gateway</html>", media_type="text/html")
    message: dict[str, Any] = {
        "id": "msg_sandbox",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{"type": "tool_use", "id": "toolu_sandbox", "name": tool, "input": _answer(inquiry, behaviour)}],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": _tokens(asked), "output_tokens": 60},
    }
    if behaviour == "refuse":
        message |= {"content": [], "stop_reason": "refusal"}
    return JSONResponse(message)


async def answer_completions(request: Request) -> Response:
    """As Chat Completions answer: JSON in the content, or `refusal`."""
    try:
        asked = await request.json()
        inquiry = _inquiry(asked["messages"][-1]["content"])
        asked["response_format"]["json_schema"]["schema"]
    except (ValueError, LookupError, TypeError):
        return JSONResponse({"error": {"message": "the body is not a question", "type": "invalid_request_error"}}, 400)
    behaviour = _behaviour(inquiry)
    if behaviour == "garbage":
        return Response("<html>gateway</html>", media_type="text/html")
    refusal = "I cannot help with that." if behaviour == "refuse" else None
    content = None if refusal else json.dumps(_answer(inquiry, behaviour))
    return JSONResponse(
        {
            "id": "chatcmpl-sandbox",
            "object": "chat.completion",
            "model": asked["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": refusal},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": _tokens(asked), "completion_tokens": 60, "total_tokens": _tokens(asked) + 60},
        }
    )


def _inquiry(content: str) -> str:
    inquiry = json.loads(content)["inquiry"]
    if not isinstance(inquiry, str):
        raise TypeError("the inquiry is no text")
    return inquiry


def _behaviour(inquiry: str) -> str | None:
    return next((behaviour for word, behaviour in BEHAVIOURS.items() if word in inquiry), None)


def _answer(inquiry: str, behaviour: str | None) -> dict[str, Any]:
    if behaviour == "malformed":
        return {"intent": "hot", "sentiment": "neutral", "readiness": 99, "confidence": 1.0}
    if behaviour == "too hot":
        return TOO_HOT
    verdict = load_model().judge(inquiry)
    return {
        "intent": verdict.intent,
        "sentiment": verdict.sentiment,
        "readiness": verdict.readiness,
        "confidence": verdict.confidence,
    }


def _tokens(asked: object) -> int:
    return len(json.dumps(asked)) // 4
