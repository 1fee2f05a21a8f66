"""Settings: every one is listed for people, and a wrong one is named with what it may be."""

import re

import pytest

from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import CHECKOUT, Settings, read_settings

EXAMPLE = (CHECKOUT / ".env.example").read_text()


def test_the_example_file_lists_every_setting_and_no_other() -> None:
    """The README sends people to this file for all settings."""
    listed = set(re.findall(r"^#?LEADFLOW_(\w+)=", EXAMPLE, re.MULTILINE))
    assert listed == {name.upper() for name in Settings.model_fields}


def test_the_example_file_shows_the_defaults() -> None:
    for name, value in re.findall(r"^#?LEADFLOW_(\w+)=(\d+)$", EXAMPLE, re.MULTILINE):
        if name != "IMAP_PORT":  # its default depends on the security
            assert str(Settings.model_fields[name.lower()].default) == value, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEADFLOW_DAGSTER_PORT", "http"),
        ("LEADFLOW_RECEIVER_PORT", "70000"),
        ("LEADFLOW_SAMPLES", "-1"),
        ("LEADFLOW_DEFAULT_REGION", "usa"),
        ("LEADFLOW_IMAP_SECURITY", "starttls"),
    ],
)
def test_a_wrong_value_names_its_variable_and_not_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A password pasted into the wrong line must not end in a log."""
    monkeypatch.setenv(name, value)
    with pytest.raises(PermanentError, match=name) as error:
        read_settings()
    assert value not in str(error.value).replace(name, "")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADFLOW_DATABASE_URL", "")
    monkeypatch.setenv("LEADFLOW_SAMPLES", "")
    assert read_settings().database_url is None
    assert read_settings().samples is None


def test_a_relative_home_is_the_same_from_every_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("LEADFLOW_HOME", "elsewhere")
    monkeypatch.chdir(tmp_path_factory.mktemp("folder"))
    assert read_settings().home == CHECKOUT / "elsewhere"


def test_no_secret_shows_in_the_settings_own_text() -> None:
    settings = Settings(_env_file=None, database_url="postgresql://u:hush@h/d", imap_password="hush")
    assert "hush" not in repr(settings)


def test_the_mailboxes_own_users_count_as_our_addresses_without_being_named() -> None:
    """A copy of our own answer in the shared mailbox is no lead, also where nobody has set anything."""
    settings = Settings(
        _env_file=None,
        imap_host="imap.gmail.com",
        imap_user="Leads@Brokerage.example",
        mailboxes=({"host": "mail.example", "user": "jane"},),
        own_addresses="bob@brokerage.example, eve@brokerage.example,",
    )
    assert settings.list_own_addresses() == {
        "leads@brokerage.example",
        "bob@brokerage.example",
        "eve@brokerage.example",
    }


@pytest.mark.parametrize(
    ("host", "named", "believed"),
    [
        ("imap.gmail.com", "", {"mx.google.com"}),
        ("imap.gmail.com", "MX.brokerage.example", {"mx.brokerage.example"}),
        ("mail.example", "", set()),
        ("mail.example", "a.example, b.example", {"a.example", "b.example"}),
    ],
)
def test_the_receiving_host_is_named_or_gmails_own(host: str, named: str, believed: set[str]) -> None:
    settings = Settings(_env_file=None, imap_host=host, authserv_id=named)
    assert settings.list_authserv_ids() == believed
