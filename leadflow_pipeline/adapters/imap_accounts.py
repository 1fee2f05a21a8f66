"""The mail folders that the settings name: one ImapAccount each. How a folder is read is not known here."""

from pydantic import SecretStr

from leadflow_pipeline.adapters.imap_mailbox import ImapAccount
from leadflow_pipeline.adapters.oauth2_tokens import OAuth2Grant
from leadflow_pipeline.domain.errors import PermanentError
from leadflow_pipeline.settings import MailboxSettings, Settings


def list_accounts(settings: Settings) -> tuple[ImapAccount, ...]:
    """Every folder of every mailbox; none on the sandbox. Raises `PermanentError` when one lacks what it needs."""
    return tuple(account for mailbox in settings.list_mailboxes() for account in _list_folders(mailbox))


def _list_folders(mailbox: MailboxSettings) -> list[ImapAccount]:
    grant = _find_grant(mailbox)
    if not mailbox.user or (grant is None and mailbox.password is None):
        raise PermanentError(
            f"The mailbox at {mailbox.host} needs a user, and a password or refresh token: set LEADFLOW_IMAP_USER, and "
            "LEADFLOW_IMAP_PASSWORD or LEADFLOW_IMAP_OAUTH2_REFRESH_TOKEN, or complete its entry in LEADFLOW_MAILBOXES."
        )
    tls = mailbox.security == "tls"
    return [
        ImapAccount(
            host=mailbox.host,
            port=mailbox.port or (993 if tls else 143),
            tls=tls,
            user=mailbox.user,
            password=_reveal(mailbox.password) or "",
            oauth2=grant,
            folder=folder,
        )
        for folder in mailbox.folders
    ]


def _find_grant(mailbox: MailboxSettings) -> OAuth2Grant | None:
    refresh_token = _reveal(mailbox.oauth2_refresh_token)
    if refresh_token is None:
        return None
    if mailbox.oauth2_client_id is None:
        raise PermanentError(
            f"The mailbox at {mailbox.host} has a refresh token and no client id: set LEADFLOW_IMAP_OAUTH2_CLIENT_ID "
            "(or oauth2_client_id of its entry in LEADFLOW_MAILBOXES)."
        )
    return OAuth2Grant(
        token_url=mailbox.oauth2_token_url,
        client_id=mailbox.oauth2_client_id,
        client_secret=_reveal(mailbox.oauth2_client_secret),
        refresh_token=refresh_token,
    )


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
