"""Settings: every one is listed for people, and a wrong one is named with what it may be."""

import re
from pathlib import Path

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


def test_a_secret_can_be_kept_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Docker and Kubernetes mount secrets as files; a variable shows up in process lists and crash reports."""
    (tmp_path / "imap").write_text("four words of pass\n")
    monkeypatch.setenv("LEADFLOW_IMAP_PASSWORD_FILE", str(tmp_path / "imap"))
    password = read_settings().imap_password
    assert password is not None
    assert password.get_secret_value() == "four words of pass"


def test_a_secret_given_twice_or_by_a_missing_file_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEADFLOW_IMAP_PASSWORD_FILE", str(tmp_path / "missing"))
    with pytest.raises(PermanentError, match="LEADFLOW_IMAP_PASSWORD_FILE"):
        read_settings()
    monkeypatch.setenv("LEADFLOW_IMAP_PASSWORD", "hunter2hunter2")
    with pytest.raises(PermanentError, match="both set") as error:
        read_settings()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("hours", ["20:00-08:00", "8-20", "08:00-25:00"])
def test_office_hours_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, hours: str) -> None:
    monkeypatch.setenv("LEADFLOW_OFFICE_HOURS", hours)
    with pytest.raises(PermanentError, match="LEADFLOW_OFFICE_HOURS"):
        read_settings()


def test_doctor_finds_placeholders_and_files_that_others_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadflow_pipeline.runtime.doctor import check_secrets

    file = tmp_path / "secret"
    file.write_text("a good long secret")
    file.chmod(0o600)
    monkeypatch.setenv("LEADFLOW_WEBHOOK_WEBSITE_SECRET_FILE", str(file))
    assert "is a placeholder" in check_secrets(read_settings())
    file.chmod(0o644)
    with pytest.raises(PermanentError, match="can be read by everybody"):
        check_secrets(read_settings())
    file.chmod(0o600)
    monkeypatch.setenv("LEADFLOW_WEBHOOK_ADF_SECRET", "changeme")
    with pytest.raises(PermanentError, match="LEADFLOW_WEBHOOK_ADF_SECRET still holds a placeholder"):
        check_secrets(read_settings())
