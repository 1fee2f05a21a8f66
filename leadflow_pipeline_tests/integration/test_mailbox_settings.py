"""Which mailboxes the settings name, and what they say when one cannot be used. All accounts are invented."""

import json

import pytest

from leadflow_pipeline.adapters.imap_accounts import list_accounts
from leadflow_pipeline.defs.resources import list_accounts_or_sandbox
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.sandbox.mailbox import SANDBOX_USER
from leadflow_pipeline.settings import GOOGLE_TOKEN_URL, Settings, read_settings

GMAIL = {"imap_host": "imap.gmail.com", "imap_user": "leads@brokerage.example", "imap_password": "app password"}


def test_the_sandbox_s_mailbox_is_read_where_none_is_named() -> None:
    settings = Settings(_env_file=None, sandbox_imap_port=4143)
    assert settings.sandbox
    (account,) = list_accounts_or_sandbox(settings)
    assert (account.user, account.port, account.tls, account.folder) == (SANDBOX_USER, 4143, False, "INBOX")


def test_a_mailbox_has_an_account_for_each_of_its_folders_once() -> None:
    accounts = list_accounts(Settings(_env_file=None, **GMAIL, imap_folder=" INBOX ,Leads, INBOX,"))
    assert [account.folder for account in accounts] == ["INBOX", "Leads"]
    assert {(account.host, account.port, account.tls) for account in accounts} == {("imap.gmail.com", 993, True)}


def test_more_mailboxes_come_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    jane = {"host": "imap.example.com", "security": "none", "user": "jane@example.com", "password": "one"}
    team = {"host": "imap.gmail.com", "user": "team@example.com", "oauth2_client_id": "c", "oauth2_refresh_token": "r"}
    monkeypatch.setenv("LEADFLOW_MAILBOXES", json.dumps([jane, team]))
    settings = read_settings()
    assert not settings.sandbox
    first, second = list_accounts(settings)
    assert (first.user, first.port, first.password) == ("jane@example.com", 143, "one")
    assert second.oauth2 is not None
    assert (second.user, second.oauth2.token_url) == ("team@example.com", GOOGLE_TOKEN_URL)


def test_no_secret_is_shown_by_an_account() -> None:
    oauth2 = {"imap_oauth2_client_id": "c", "imap_oauth2_client_secret": "S3", "imap_oauth2_refresh_token": "R4"}
    settings = Settings(_env_file=None, **GMAIL, **oauth2)
    shown = f"{settings} {list_accounts(settings)}"
    for secret in ("app password", "S3", "R4"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("not json", "LEADFLOW_MAILBOXES"),
        ('[{"user": "jane@example.com"}]', "LEADFLOW_MAILBOXES_0_HOST"),
        ('[{"host": "imap.example.com", "pasword": "one"}]', "LEADFLOW_MAILBOXES_0_PASWORD"),
    ],
)
def test_a_list_of_mailboxes_that_cannot_be_read_is_named(
    value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADFLOW_MAILBOXES", value)
    with pytest.raises(PermanentError, match=words):
        read_settings()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"imap_user": None}, "LEADFLOW_IMAP_USER"),
        ({"imap_password": None}, "LEADFLOW_IMAP_PASSWORD"),
        ({"imap_oauth2_refresh_token": "r"}, "LEADFLOW_IMAP_OAUTH2_CLIENT_ID"),
    ],
)
def test_a_mailbox_that_lacks_something_says_what(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        list_accounts(Settings(_env_file=None, **{**GMAIL, **changes}))
