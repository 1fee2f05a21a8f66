"""What a webhook source is: its name, how a post proves where it comes from, and how bytes become a lead.

A source is a value with two functions, not a class to derive from. `authenticate` raises `RefusedError`, `read`
raises `UnreadablePostError`; both hold text that may be sent back, so neither ever quotes a post.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadflow_pipeline.domain.staged_leads import StagedLead


class RefusedError(ValueError):
    """The post does not prove that it comes from its source; the message says what is wanted."""


class UnreadablePostError(ValueError):
    """The bytes are not what their content type says; the message says what was expected. Nothing can be read."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """What was sent, before anybody has judged it."""

    raw: bytes
    content_type: str
    headers: Mapping[str, str]  # names in lower case
    path_secret: str = ""  # what stands behind the source in the path


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What a post is judged by."""

    secrets: tuple[str, ...]  # two while they are being rotated
    now: datetime
    fetch_certificate: Callable[[str], bytes]  # a certificate in PEM, by an address the source has checked


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a readable post says. With problems it is no lead as it is: refused, and quarantined all the same."""

    lead: StagedLead
    problems: tuple[str, ...] = ()
    ignored: str | None = None  # why it is no lead though nothing is wrong with it, e.g. a test
    contact_id: str | None = None  # what the vendor has to be asked for before this is a lead
    parts: tuple[bytes, ...] = ()  # a post of several leads, as posts of one lead each
    vendor_id: str | None = None  # the vendor's own id of the lead; the same one again is the same lead
    replaces: bool = False  # a newer version of the lead with this id


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source of posts."""

    name: str
    title: str  # as people know it
    content_types: tuple[str, ...]
    secret_place: Literal["path", "header", "body"]  # where the sender puts the secret, or what it signs with
    secret_note: str  # the same for people: what to enter where
    rule: str
    rule_version: int
    authenticate: Callable[[Post, Trust], None]
    read: Callable[[bytes, str], Reading]
    is_open_on_sandbox: bool = False
    id_header: str | None = None  # holds the vendor's own id, under its signature
    find_confirmation: Callable[[bytes], str | None] | None = None  # an address to call once, to be sent leads at all
    read_contact: Callable[[bytes, bytes], Reading] | None = None  # a notice, and what the vendor told when asked
