"""Language models over HTTP: Anthropic's Messages, and Chat Completions as OpenAI and many local servers speak it.

Structured output by a forced tool (Anthropic: `tools`, `tool_choice`; a refusal is `stop_reason` `refusal`) and by
`response_format` `json_schema` (OpenAI; a refusal is `message.refusal` or `finish_reason` `content_filter`). Field
names and status codes are those of the vendors' public references, read second-hand (grade B); no vendor was called.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import requests

from leadflow_pipeline.domain import inquiries
from leadflow_pipeline.domain.errors import TransientError
from leadflow_pipeline.domain.inquiries.language_answers import (
    LanguageAnswer,
    Prompt,
    UnusableAnswerError,
    ask_as_data,
    price_tokens,
    read_answer,
)
from leadflow_pipeline.domain.vendor_budgets import LimitedError, RefusedError
from leadflow_pipeline.settings import Settings

PROMPT_VERSION = "inquiry_v1"
PROMPTS = Path(inquiries.__file__).parent / "prompts"
TOOL = "note_inquiry"
ANTHROPIC_VERSION = "2023-06-01"
MOST_ANSWER_TOKENS = 300
MOST_ANSWER_BYTES = 1_000_000
CONNECT_SECONDS = 3.05
BASE_URLS = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}
TRANSIENT_STATUSES = {408, 409, 425, 529}


def name_language_model(settings: Settings) -> str | None:
    """The configured model with the version of the prompt, as answers are cached by; None where none is configured."""
    if settings.llm_provider is None:
        return None
    return f"{settings.llm_provider}:{settings.llm_model}:{PROMPT_VERSION}"


def build_language_model(settings: Settings) -> "LanguageModelClient | None":
    """The configured model, or None."""
    name = name_language_model(settings)
    if settings.llm_provider is None or settings.llm_model is None or name is None:
        return None
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    return LanguageModelClient(
        name=name,
        vendor=settings.llm_provider,
        dialect=AnthropicMessages(key=key) if settings.llm_provider == "anthropic" else ChatCompletions(key=key),
        base_url=(settings.llm_base_url or BASE_URLS[settings.llm_provider]).rstrip("/"),
        model=settings.llm_model,
        prompt=load_prompt(),
        timeout_seconds=settings.llm_timeout_seconds,
        per_million_input=settings.llm_dollars_per_million_input,
        per_million_output=settings.llm_dollars_per_million_output,
    )


def load_prompt() -> Prompt:
    """The prompt and the schema in force."""
    return Prompt(
        version=PROMPT_VERSION,
        instructions=(PROMPTS / f"{PROMPT_VERSION}.md").read_text(encoding="utf-8"),
        schema=json.loads((PROMPTS / f"{PROMPT_VERSION}.schema.json").read_text(encoding="utf-8")),
    )


class Dialect(Protocol):
    """How one family of endpoints is asked and answers."""

    @property
    def path(self) -> str: ...

    def headers(self) -> dict[str, str]: ...

    def body(self, model: str, prompt: Prompt, message: str) -> dict[str, Any]: ...

    def tokens(self, document: Mapping[str, Any]) -> tuple[object, object]: ...

    def answer(self, document: Mapping[str, Any], cost: Decimal) -> object: ...


@dataclass(frozen=True)
class AnthropicMessages:
    """`POST /v1/messages` with one tool that has to be used."""

    key: str
    path: str = "/v1/messages"

    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.key, "anthropic-version": ANTHROPIC_VERSION}

    def body(self, model: str, prompt: Prompt, message: str) -> dict[str, Any]:
        return {
            "model": model,
            "max_tokens": MOST_ANSWER_TOKENS,
            "system": prompt.instructions,
            "messages": [{"role": "user", "content": message}],
            "tools": [{"name": TOOL, "description": "Notes how the inquiry is sorted.", "input_schema": prompt.schema}],
            "tool_choice": {"type": "tool", "name": TOOL},
        }

    def tokens(self, document: Mapping[str, Any]) -> tuple[object, object]:
        usage = document.get("usage") or {}
        return usage.get("input_tokens"), usage.get("output_tokens")

    def answer(self, document: Mapping[str, Any], cost: Decimal) -> object:
        if document.get("stop_reason") == "refusal":
            raise UnusableAnswerError("refused", cost=cost)
        for block in document["content"]:
            if block.get("type") == "tool_use" and block.get("name") == TOOL:
                return block["input"]
        raise UnusableAnswerError("refused", cost=cost)


@dataclass(frozen=True)
class ChatCompletions:
    """`POST /chat/completions` below a base that ends in `/v1`, with a JSON schema for the answer."""

    key: str
    path: str = "/chat/completions"

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def body(self, model: str, prompt: Prompt, message: str) -> dict[str, Any]:
        return {
            "model": model,
            "messages": [
                {"role": "system", "content": prompt.instructions},
                {"role": "user", "content": message},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": TOOL, "strict": True, "schema": prompt.schema},
            },
        }

    def tokens(self, document: Mapping[str, Any]) -> tuple[object, object]:
        usage = document.get("usage") or {}
        return usage.get("prompt_tokens"), usage.get("completion_tokens")

    def answer(self, document: Mapping[str, Any], cost: Decimal) -> object:
        choice = document["choices"][0]
        if choice["message"].get("refusal") or choice.get("finish_reason") == "content_filter":
            raise UnusableAnswerError("refused", cost=cost)
        return json.loads(choice["message"]["content"])


@dataclass(frozen=True, kw_only=True)
class LanguageModelClient:
    """One model at one endpoint."""

    name: str
    vendor: str  # whose budget pays
    dialect: Dialect
    base_url: str
    model: str
    prompt: Prompt
    timeout_seconds: float
    per_million_input: Decimal
    per_million_output: Decimal

    def judge(self, masked: str) -> LanguageAnswer:
        """The model's verdict on a text without personal data.

        Raises `UnusableAnswerError` when it refuses or answers anything else, `LimitedError` when it says "too many",
        `TransientError` when it is away, slow or overloaded, `RefusedError` when it will not serve us at all.
        """
        response = self._post(self.dialect.body(self.model, self.prompt, ask_as_data(masked)))
        cost = Decimal(0)
        try:
            document = json.loads(response)
            read, written = self.dialect.tokens(document)
            cost = price_tokens(
                read, written, per_million_input=self.per_million_input, per_million_output=self.per_million_output
            )
            answer = self.dialect.answer(document, cost)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise UnusableAnswerError("malformed", cost=cost) from error
        return read_answer(answer, model=self.name, cost=cost)

    @property
    def most_cost(self) -> Decimal:
        """US dollars that one call costs at most: a message has 2,000 characters, at one token each."""
        return price_tokens(
            len(self.prompt.instructions) + len(json.dumps(self.prompt.schema)) + 2_500,
            MOST_ANSWER_TOKENS,
            per_million_input=self.per_million_input,
            per_million_output=self.per_million_output,
        )

    def _post(self, body: dict[str, Any]) -> bytes:
        try:
            response = requests.post(
                self.base_url + self.dialect.path,
                json=body,
                headers=self.dialect.headers(),
                timeout=(CONNECT_SECONDS, self.timeout_seconds),
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise TransientError("The language model did not answer in time.", may_have_acted=True) from error
        except requests.ConnectionError as error:
            raise TransientError("The language model cannot be reached.") from error
        except requests.RequestException as error:
            raise RefusedError("The language model's address is wrong: look at LEADFLOW_LLM_BASE_URL.") from error
        status = response.status_code
        if status == 429:
            raise LimitedError("The language model says too many calls.", retry_after=_retry_after(response))
        if status in TRANSIENT_STATUSES or status >= 500:
            raise TransientError(f"The language model answered {status}.", retry_after=_retry_after(response))
        if status != 200:
            raise RefusedError(
                f"The language model answered {status}: look at LEADFLOW_LLM_API_KEY, _MODEL and _BASE_URL."
            )
        if len(response.content) > MOST_ANSWER_BYTES:
            raise UnusableAnswerError("malformed")
        return response.content


def _retry_after(response: requests.Response) -> float | None:
    """Seconds, where the header gives them; the form with a date is left aside."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
