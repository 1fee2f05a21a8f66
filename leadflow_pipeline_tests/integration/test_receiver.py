"""The receiver over a real database: each answer, what is stored for it, and a process that is killed.

All people are invented; numbers are from the ranges kept for fiction (555-01xx).
"""

import hashlib
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.receiver.app import build_app, main
from leadflow_pipeline.receiver.bodies import LARGEST_POST_BYTES
from leadflow_pipeline.settings import Settings

Query = Callable[..., list[tuple[Any, ...]]]

WEBSITE = "/webhooks/website"
CANARY = "Canary Featherstone"  # stands for every lead's words: must be in no answer and in no log
JSON = {"content-type": "application/json"}
POST = json.dumps({"name": CANARY, "email": "canary@example.com", "phone": "512-555-0142"}).encode()
NO_CONTACT = json.dumps({"name": CANARY, "email": ["canary@example.com"]}).encode()
NOBODY_LISTENS = "postgresql://leadflow:hushhush@127.0.0.1:1/leadflow"


def open_client(settings: Settings, database: Database) -> TestClient:
    return TestClient(build_app(settings, database))


@pytest.fixture
def client(settings: Settings, database: Database) -> TestClient:
    """The open website form of a stack on the sandbox."""
    return open_client(settings, database)


def with_secrets(settings: Settings, secrets: str | None) -> Settings:
    """A stack on a real mailbox, with this LEADFLOW_WEBHOOK_WEBSITE_SECRET."""
    return Settings(_env_file=None, home=settings.home, imap_host="imap.example.com", webhook_website_secret=secrets)


def assert_is_problem(answer: Any, status: int) -> None:
    """RFC 9457: the status again, a title, and one line that says what to do."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"].endswith((".", "?"))
    assert CANARY not in answer.text


def count_events(query: Query) -> int:
    return int(query("select count(*) from landing.events")[0][0])


# What is taken in


def test_a_post_is_stored_byte_for_byte_and_waits(client: TestClient, query: Query) -> None:
    """Signatures, hashes and replays need the bytes that were sent, not JSON written anew."""
    raw = b'\xef\xbb\xbf{ "email":"ana@example.com",\r\n\t"note": "\\u0000 \\ud800 caf\xc3\xa9", "email2" : 1.50}  \n'
    before = datetime.now(UTC) - timedelta(seconds=1)
    answer = client.post(WEBSITE, content=raw, headers={**JSON, "user-agent": "FormBot/1.0", "cookie": "session=1"})
    assert answer.status_code == 202
    ((event_id, channel, source, status, stored, content_type, headers, received_at),) = query(
        "select event_id, channel, source, status, raw, content_type, headers, received_at from landing.events"
    )
    assert answer.json() == {"event_id": event_id}
    assert (channel, source, status, content_type) == ("webhook", "website", "pending", "application/json")
    assert bytes(stored) == raw
    assert headers == {"content-type": "application/json", "user-agent": "FormBot/1.0"}
    assert before < received_at < datetime.now(UTC)


def test_a_url_encoded_post_is_stored_byte_for_byte(client: TestClient, query: Query) -> None:
    raw = b"name=Ana+Ruiz&email=ana%40example.com&message=%00%ff+caf%C3%A9"
    answer = client.post(WEBSITE, content=raw, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 202
    assert [bytes(stored) for (stored,) in query("select raw from landing.events")] == [raw]


def test_the_same_post_again_is_answered_with_the_first_event(client: TestClient, query: Query) -> None:
    first = client.post(WEBSITE, content=POST, headers=JSON)
    second = client.post(WEBSITE, content=POST, headers=JSON)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == second.json()
    assert count_events(query) == 1


def test_the_same_post_five_times_at_once_is_one_event(settings: Settings, database: Database, query: Query) -> None:
    """Senders repeat while the first try is still under way; only a unique key settles it."""
    at_once = threading.Barrier(5)

    def post(_: int) -> tuple[int, int]:
        own = open_client(settings, database)
        at_once.wait(timeout=20)
        answer = own.post(WEBSITE, content=POST, headers=JSON)
        return answer.status_code, answer.json()["event_id"]

    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(post, range(5)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 202]
    assert len({event_id for _, event_id in answers}) == 1
    assert count_events(query) == 1


def test_an_idempotency_key_beats_the_content(client: TestClient, query: Query) -> None:
    """One key with other bytes is a retry; other keys with the same bytes are two inquiries."""
    first = client.post(WEBSITE, content=POST, headers={**JSON, "idempotency-key": "form-1"})
    retry = client.post(WEBSITE, content=POST + b" ", headers={**JSON, "idempotency-key": "form-1"})
    other = client.post(WEBSITE, content=POST, headers={**JSON, "idempotency-key": "form-2"})
    plain = client.post(WEBSITE, content=POST, headers=JSON)
    assert [answer.status_code for answer in (first, retry, other, plain)] == [202, 200, 202, 202]
    assert retry.json() == first.json()
    assert count_events(query) == 3
    assert [bytes(raw) for (raw,) in query("select raw from landing.events order by event_id")] == [POST] * 3


def test_a_key_that_looks_like_a_hash_does_not_swallow_another_post(client: TestClient) -> None:
    forged = f"sha256:{hashlib.sha256(POST).hexdigest()}"
    client.post(WEBSITE, content=NO_CONTACT, headers={**JSON, "idempotency-key": forged})
    assert client.post(WEBSITE, content=POST, headers=JSON).status_code == 202


def test_a_blank_idempotency_key_is_none(client: TestClient) -> None:
    """Two forms of different people under the key "" would be one event."""
    first = client.post(WEBSITE, content=POST, headers={**JSON, "idempotency-key": " "})
    other = client.post(WEBSITE, content=POST + b" ", headers={**JSON, "idempotency-key": ""})
    assert (first.status_code, other.status_code) == (202, 202)


def test_a_name_of_a_hundred_thousand_characters_and_nuls_lands(client: TestClient, query: Query) -> None:
    raw = json.dumps({"name": "\u0000" + "x" * 100_000, "email": "ana@example.com"}).encode()
    assert client.post(WEBSITE, content=raw, headers=JSON).status_code == 202
    assert [bytes(stored) for (stored,) in query("select raw from landing.events")] == [raw]


def test_a_body_of_exactly_the_limit_is_taken(client: TestClient) -> None:
    head, tail = b'{"email": "ana@example.com", "message": "', b'"}'
    raw = head + b"x" * (LARGEST_POST_BYTES - len(head) - len(tail)) + tail
    assert client.post(WEBSITE, content=raw, headers=JSON).status_code == 202
    assert_is_problem(client.post(WEBSITE, content=raw + b" ", headers=JSON), 413)


# What is refused


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"not json", b'["a"]', b'{"name": ', b"\xff\xfe", b"[" * 100_000, b'{"phone": ' + b"5" * 5000 + b"}"],
    ids=["empty", "blank", "prose", "list", "cut off", "not UTF-8", "deep", "long number"],
)
def test_what_is_no_json_object_is_400(client: TestClient, query: Query, raw: bytes) -> None:
    assert_is_problem(client.post(WEBSITE, content=raw, headers=JSON), 400)
    assert count_events(query) == 0


def test_an_empty_url_encoded_body_is_400(client: TestClient, query: Query) -> None:
    """Stored, it would answer every other empty post for ever as a repeat of this one."""
    answer = client.post(WEBSITE, content=b"", headers={"content-type": "application/x-www-form-urlencoded"})
    assert_is_problem(answer, 400)
    assert count_events(query) == 0


@pytest.mark.parametrize("key", ["k" * 256, "k" * 60_000])
def test_an_overlong_idempotency_key_is_400(client: TestClient, query: Query, key: str) -> None:
    assert_is_problem(client.post(WEBSITE, content=POST, headers={**JSON, "idempotency-key": key}), 400)
    assert count_events(query) == 0


@pytest.mark.parametrize("name", ["idempotency-key", "user-agent", "content-type"])
def test_a_nul_in_a_header_is_no_fault_of_ours(client: TestClient, name: str) -> None:
    """No text column takes a NUL. uvicorn refuses such headers; the same app behind a gateway meets them."""
    headers = {**JSON, name: JSON.get(name, "x") + ";\x00"}
    assert client.post(WEBSITE, content=POST, headers=headers).status_code in (202, 400, 415)


@pytest.mark.parametrize("path", ["/webhooks/unheard_of", "/webhooks/unheard_of/secret", "/webhooks", "/", "/admin"])
def test_an_unknown_source_is_404(client: TestClient, path: str) -> None:
    assert_is_problem(client.post(path, content=POST, headers=JSON), 404)


@pytest.mark.parametrize("path", [WEBSITE, f"{WEBSITE}/", f"{WEBSITE}/guessed"])
@pytest.mark.parametrize("secrets", [None, "", " , "])
def test_a_source_without_secret_is_closed_on_a_real_mailbox(
    settings: Settings, database: Database, query: Query, path: str, secrets: str | None
) -> None:
    client = open_client(with_secrets(settings, secrets), database)
    assert_is_problem(client.post(path, content=POST, headers=JSON), 404)
    assert count_events(query) == 0


@pytest.mark.parametrize("given", ["", "/wrong", "/RIGHT-one", "/right-on", "/right-one,other-one", "/café", "/%00"])
def test_a_wrong_secret_is_401(settings: Settings, database: Database, query: Query, given: str) -> None:
    client = open_client(with_secrets(settings, "right-one, other-one"), database)
    answer = client.post(f"{WEBSITE}{given}", content=POST, headers=JSON)
    assert_is_problem(answer, 401)
    assert "right-one" not in answer.text
    assert count_events(query) == 0


@pytest.mark.parametrize("given", ["right-one", "other-one"])
def test_both_secrets_open_a_source_while_they_are_rotated(settings: Settings, database: Database, given: str) -> None:
    client = open_client(with_secrets(settings, "right-one, other-one"), database)
    assert client.post(f"{WEBSITE}/{given}", content=POST, headers=JSON).status_code == 202


def test_a_secret_is_wanted_on_the_sandbox_too_once_it_is_set(settings: Settings, database: Database) -> None:
    with_secret = Settings(_env_file=None, home=settings.home, webhook_website_secret="right-one")
    client = open_client(with_secret, database)
    assert_is_problem(client.post(WEBSITE, content=POST, headers=JSON), 401)
    assert client.post(f"{WEBSITE}/right-one", content=POST, headers=JSON).status_code == 202


def test_a_secret_with_a_slash_opens_its_source(settings: Settings, database: Database) -> None:
    """`openssl rand -base64 32` gives one more often than not; %2F reaches the application as a slash."""
    client = open_client(with_secrets(settings, "ab/cd+ef=="), database)
    assert client.post(f"{WEBSITE}/ab%2Fcd%2Bef%3D%3D", content=POST, headers=JSON).status_code == 202


@pytest.mark.parametrize("path", [WEBSITE, f"{WEBSITE}/secret"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert_is_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_a_post_to_the_health_path_is_told_the_right_method(client: TestClient) -> None:
    answer = client.post("/health")
    assert_is_problem(answer, 405)
    assert "GET" in answer.headers["allow"]
    assert "takes POST" not in answer.json()["detail"]


@pytest.mark.parametrize("in_chunks", [False, True], ids=["declared", "chunked"])
def test_two_megabytes_are_413(client: TestClient, query: Query, in_chunks: bool) -> None:
    raw = b'{"email": "ana@example.com", "message": "' + b"x" * 2_000_000 + b'"}'
    pieces = (raw[start : start + 10_000] for start in range(0, len(raw), 10_000))
    answer = client.post(WEBSITE, content=pieces if in_chunks else raw, headers=JSON)
    assert_is_problem(answer, 413)
    assert str(LARGEST_POST_BYTES) in answer.json()["detail"]
    assert count_events(query) == 0


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data; boundary=x", "application/jsonp", ";"]
)
def test_another_content_type_is_415(client: TestClient, query: Query, content_type: str) -> None:
    answer = client.post(WEBSITE, content=POST, headers={"content-type": content_type})
    assert_is_problem(answer, 415)
    assert "application/json" in answer.json()["detail"]
    assert count_events(query) == 0


def test_a_missing_content_type_is_415(client: TestClient) -> None:
    assert_is_problem(client.post(WEBSITE, content=POST), 415)


def test_wrong_fields_are_422_with_all_of_them_and_the_post_is_kept(client: TestClient, query: Query) -> None:
    """The sender learns what to change; what the person wrote is not lost with the refusal."""
    answer = client.post(WEBSITE, content=NO_CONTACT, headers=JSON)
    assert_is_problem(answer, 422)
    body = answer.json()
    assert body["errors"][0] == "email: must be text or a number"
    assert "neither email nor phone" in body["errors"][1]
    ((event_id, raw),) = query("select event_id, raw from landing.events")
    assert body["event_id"] == event_id
    assert bytes(raw) == NO_CONTACT
    again = client.post(WEBSITE, content=NO_CONTACT, headers=JSON)
    assert_is_problem(again, 422)
    assert again.json()["event_id"] == event_id
    assert count_events(query) == 1


# What goes wrong on our side


def test_a_database_that_is_down_is_503_with_a_time_to_come_back(settings: Settings) -> None:
    with Database(NOBODY_LISTENS) as database:
        answer = open_client(settings, database).post(WEBSITE, content=POST, headers=JSON)
    assert_is_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert "hushhush" not in answer.text


def test_lost_connections_do_not_lose_the_next_post(client: TestClient, query: Query) -> None:
    """After a restart of the database every pooled connection is dead; the first post may not pay for it."""
    assert client.post(WEBSITE, content=POST, headers=JSON).status_code == 202
    query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'leadflow'")
    assert client.post(WEBSITE, content=POST + b" ", headers=JSON).status_code == 202


def test_a_read_only_database_is_503(settings: Settings, database_url: str, query: Query) -> None:
    """A standby after a failover takes no writes: the sender shall come again."""
    query(
        "alter database "
        + database_url.partition("?")[0].rpartition("/")[2]
        + " set default_transaction_read_only = on"
    )
    with Database(database_url) as database:
        client = open_client(settings, database)
        assert_is_problem(client.get("/health"), 503)
        answer = client.post(WEBSITE, content=POST, headers=JSON)
    assert_is_problem(answer, 503)
    assert answer.headers["retry-after"]


def test_a_fault_of_ours_is_500_and_keeps_the_leads_words_out_of_the_log(
    settings: Settings, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What an application raises, uvicorn logs with its whole text, and a driver's text quotes row values."""

    class BrokenStore:
        def transaction(self) -> Any:
            raise RuntimeError(f"value too long: {CANARY}")

    caplog.set_level(logging.DEBUG)
    server = uvicorn.Server(uvicorn.Config(build_app(settings, BrokenStore()), port=free_port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until_open(free_port, thread.is_alive)
        status, body = post_over_http(free_port, POST)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
    assert status == 500
    assert CANARY not in body
    assert "RuntimeError" in caplog.text
    assert CANARY not in caplog.text


def test_no_answer_and_no_log_holds_a_leads_words(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = open_client(settings, database)
    with Database(NOBODY_LISTENS) as down:
        answers = [
            client.post(WEBSITE, content=POST, headers=JSON),
            client.post(WEBSITE, content=POST, headers=JSON),
            client.post(WEBSITE, content=NO_CONTACT, headers=JSON),
            client.post(WEBSITE, content=POST[:-1], headers=JSON),
            client.post(WEBSITE, content=POST, headers={"content-type": "text/plain"}),
            client.post(WEBSITE, content=POST * 20_000, headers=JSON),
            open_client(settings, down).post(WEBSITE, content=POST, headers=JSON),
        ]
    assert [answer.status_code for answer in answers] == [202, 200, 422, 400, 415, 413, 503]
    for text in (*(answer.text for answer in answers), caplog.text):
        assert "Featherstone" not in text
        assert "canary@example.com" not in text
        assert "555-0142" not in text


# Health


def test_health_is_200_when_a_post_could_be_stored(client: TestClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_is_503_when_the_database_is_down(settings: Settings) -> None:
    with Database(NOBODY_LISTENS) as database:
        answer = open_client(settings, database).get("/health")
    assert_is_problem(answer, 503)
    assert "hushhush" not in answer.text


def test_health_is_503_while_the_tables_are_missing(settings: Settings, database: Database, query: Query) -> None:
    """A green health check sends traffic to a receiver that answers every post with an error."""
    query("drop schema landing cascade")
    client = open_client(settings, database)
    assert TestClient(client.app, raise_server_exceptions=False).post(WEBSITE, content=POST, headers=JSON).is_error
    assert_is_problem(client.get("/health"), 503)


# A process of its own


def wait_until_open(port: int, is_alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and is_alive():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nothing opened port {port}")


def receiver_environment(port: int, home: Path, **more: str) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEADFLOW_", "DAGSTER_"))}
    return {**kept, "LEADFLOW_HOME": str(home), "LEADFLOW_RECEIVER_PORT": str(port), **more}


def start_receiver(port: int, home: Path, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "leadflow_pipeline.receiver.app"],
        env=receiver_environment(port, home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running_receiver(port: int, home: Path, database_url: str) -> Iterator["subprocess.Popen[str]"]:
    process = start_receiver(port, home, LEADFLOW_DATABASE_URL=database_url)
    try:
        wait_until_open(port, lambda: process.poll() is None)
        yield process
    finally:
        process.kill()
        process.communicate()


def post_over_http(port: int, raw: bytes) -> tuple[int, str]:
    """One post on a connection of its own; raises OSError or HTTPException when the answer does not come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", WEBSITE, raw, dict(JSON))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_sigterm_ends_the_receiver_within_ten_seconds(
    free_port: int, tmp_path: Path, database_url: str, query: Query
) -> None:
    with running_receiver(free_port, tmp_path, database_url) as process:
        status, body = post_over_http(free_port, POST)
        assert status == 202
        assert query("select event_id from landing.events") == [(json.loads(body)["event_id"],)]
        with socket.create_connection(("127.0.0.1", free_port)) as unfinished:
            unfinished.sendall(b"POST /webhooks/website HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=10)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Featherstone" not in output


def test_a_sender_of_two_megabytes_gets_to_read_the_refusal(
    free_port: int, tmp_path: Path, database_url: str, query: Query
) -> None:
    """A connection closed on unread bytes is reset, and the sender sees a broken pipe in place of the 413."""
    raw = b'{"email": "ana@example.com", "message": "' + b"x" * 2_000_000 + b'"}'
    with running_receiver(free_port, tmp_path, database_url):
        for _ in range(5):
            status, body = post_over_http(free_port, raw)
            assert status == 413
            assert json.loads(body)["title"] == "Too large"
        assert post_over_http(free_port, POST)[0] == 202
    assert count_events(query) == 1


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({}, "LEADFLOW_DATABASE_URL is not set"),
        ({"LEADFLOW_DATABASE_URL": "hushhush"}, "LEADFLOW_DATABASE_URL"),
        ({"LEADFLOW_DATABASE_URL": "mysql://me:hushhush@localhost/x"}, "PostgreSQL"),
        ({"LEADFLOW_DATABASE_URL": "postgresql://me:hushhush@localhost:port/x"}, "LEADFLOW_DATABASE_URL"),
        ({"LEADFLOW_RECEIVER_PORT": "hushhush"}, "LEADFLOW_RECEIVER_PORT"),
    ],
    ids=["no database", "no address", "another database", "port is no number", "receiver port is no number"],
)
def test_a_wrong_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    more: dict[str, str],
    named: str,
) -> None:
    for name, value in {"LEADFLOW_HOME": str(tmp_path), **more}.items():
        monkeypatch.setenv(name, value)
    assert main() == 1
    output = capsys.readouterr().err
    assert named in output
    assert output.count("\n") == 1
    assert "hushhush" not in output


def test_a_port_in_use_ends_the_receiver_with_the_port_in_its_words(free_port: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        process = start_receiver(free_port, tmp_path, LEADFLOW_DATABASE_URL=NOBODY_LISTENS)
        try:
            output, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode != 0
    assert str(free_port) in output
    assert "Traceback" not in output


def test_the_receiver_never_loads_dagster() -> None:
    """It costs seconds at start and 200 MB, and a claim never waits for Dagster."""
    code = "import sys, leadflow_pipeline.receiver.app; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
