"""`leadflow webhook sign`: what it prints is taken by the receiver."""

import base64
import shlex
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient
from typer.testing import CliRunner

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.cli_webhooks import webhook_app
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.settings import read_settings
from leadflow_pipeline_tests.posts import SAMPLES

SECRET = "right/secret+of 24 bytes"


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "zillow"])
def test_the_printed_call_is_authentic(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database, source: str
) -> None:
    monkeypatch.setenv(f"LEADFLOW_WEBHOOK_{source.upper()}_SECRET", f"{SECRET},older")
    case = SAMPLES[source]
    body = tmp_path / "body"
    body.write_bytes(case.raw.replace(b"GOOGLE_KEY", SECRET.encode()))
    result = CliRunner().invoke(webhook_app, ["sign", source, str(body), "--content-type", case.content_type])
    assert result.exit_code == 0, result.output
    path, headers = read_call(result.output)
    assert path.startswith(f"/webhooks/{source}")
    client = TestClient(build_app(read_settings(), database))
    assert client.post(path, content=body.read_bytes(), headers=headers).status_code == 202


def test_a_private_key_signs_for_the_public_one_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database
) -> None:
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    monkeypatch.setenv("LEADFLOW_WEBHOOK_STANDARD_SECRET", f"whpk_{public}")
    body, key = tmp_path / "body", tmp_path / "key"
    body.write_bytes(SAMPLES["standard"].raw)
    key.write_text(f"whsk_{base64.b64encode(private.private_bytes_raw()).decode()}\n")
    result = CliRunner().invoke(webhook_app, ["sign", "standard", str(body), "--key", str(key)])
    assert result.exit_code == 0, result.output
    path, headers = read_call(result.output)
    client = TestClient(build_app(read_settings(), database))
    assert client.post(path, content=body.read_bytes(), headers=headers).status_code == 202
    for content, says in (("whpk_" + public, "public key cannot sign"), ("whsk_AAAA", "no ed25519 key")):
        key.write_text(content)
        refused = CliRunner().invoke(webhook_app, ["sign", "standard", str(body), "--key", str(key)])
        assert says in str(refused.exception)


def read_call(printed: str) -> tuple[str, dict[str, str]]:
    """Path and headers of a printed curl line."""
    words = shlex.split(printed)
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    return words[-1].removeprefix("http://127.0.0.1:8010"), headers


@pytest.mark.parametrize(
    ("arguments", "secret", "says"),
    [
        (["unheard_of", "x"], "s", "no source"),
        (["adf", "x"], "", "ADF_SECRET opens it"),
        (["adf", "/nothing/here"], "s", "No such file"),
        (["zillow", __file__], "s", "Only Amazon"),
        (["google_ads", __file__], "s", "google_key"),
    ],
)
def test_what_cannot_be_signed_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], secret: str, says: str
) -> None:
    monkeypatch.setenv(f"LEADFLOW_WEBHOOK_{arguments[0].upper()}_SECRET", secret)
    result = CliRunner().invoke(webhook_app, ["sign", *arguments])
    assert result.exit_code == 1
    assert says in str(result.exception)
