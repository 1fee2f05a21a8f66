"""MIME: any bytes to text that can be stored."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow_pipeline.domain.mail_characters import BODY_LIMIT, addresses_in, clean_text
from leadflow_pipeline.domain.mail_message import MailMessage, read_mail
from leadflow_pipeline.domain.mail_quotes import forwarded_mail, own_words
from leadflow_pipeline.domain.mail_text import read_html


def lines_of(html: str) -> list[str]:
    return list(read_html(html).lines)


def test_names_and_subjects_in_encoded_words_are_read() -> None:
    """RFC 2047, in UTF-8 and in ISO-8859-1."""
    mail = read_mail(
        b"From: =?iso-8859-1?q?Jos=E9_N=FA=F1ez?= <Jose@Example.NET>\r\n"
        b"Reply-To: =?utf-8?b?QWRh?= <ada@example.net>\r\nSubject: =?utf-8?q?Casa_en_M=C3=A9xico?=\r\n\r\nx"
    )
    assert (mail.from_name, mail.from_address) == ("José Núñez", "jose@example.net")
    assert (mail.reply_to_name, mail.reply_to) == ("Ada", "ada@example.net")
    assert mail.subject == "Casa en México"


def test_a_header_that_repeats_keeps_every_value() -> None:
    """A dictionary of headers loses repeats."""
    mail = read_mail(b"X-Tag: one\r\nx-tag: two\r\nReturn-Path: <>\r\n\r\nx")
    assert mail.headers["x-tag"] == ("one", "two")
    assert mail.headers["return-path"] == ("<>",)


@pytest.mark.parametrize(
    ("charset", "content"),
    [
        (b"utf-8", "José"),
        (b"iso-8859-1", "José “quoted”"),
        (b"us-ascii", "José"),
        (b"x-klingon", "José"),
        (b"", "José"),
        (b"utf-16", "José"),
    ],
)
def test_the_charset_falls_back_in_steps(charset: bytes, content: str) -> None:
    """A wrong or unknown charset must not cost the name; ISO-8859-1 in mail means Windows-1252."""
    codec = {b"iso-8859-1": "cp1252", b"utf-16": "utf-16"}.get(charset, "utf-8")
    raw = b"From: a@b.test\r\nContent-Type: text/plain; charset=" + charset + b"\r\n\r\n" + content.encode(codec)
    assert (read_mail(raw).text or "").strip() == content


def test_latin_bytes_without_a_charset_are_read_as_windows_1252() -> None:
    """Old web forms send bytes and say nothing."""
    assert read_mail("Subject: x\r\n\r\nJosé".encode("latin-1")).text == "José"


def test_utf_8_with_one_broken_byte_stays_utf_8() -> None:
    """Reading all of it as Windows-1252 would spoil every accent for one bad byte."""
    raw = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "José Núñez García ".encode() * 5 + b"\xff"
    assert "José Núñez" in (read_mail(raw).text or "")


def test_raw_bytes_in_a_header_are_read() -> None:
    """zammad#795: a broken From is an unknown sender, not a failure."""
    mail = read_mail("From: José <jose@example.net>\r\nSubject: ¿Casa?\r\n\r\nx".encode())
    assert (mail.from_name, mail.from_address, mail.subject) == ("José", "jose@example.net", "¿Casa?")


@pytest.mark.parametrize("sender", [b"", b"<>", b"nobody", b"@@@", b'"<<>>,;:', b"\xff\xfe", b"()(((", b"a@b@c"])
def test_a_broken_sender_is_no_sender(sender: bytes) -> None:
    """No address in From, whatever stands there."""
    mail = read_mail(b"From: " + sender + b"\r\n\r\nhello")
    assert mail.from_address is None
    assert mail.text == "hello"


def test_control_and_invisible_characters_are_gone() -> None:
    """NUL cannot be stored in PostgreSQL, a lone surrogate cannot be encoded, a zero-width space hides a label."""
    dirty = "a\x00b\x07c\u200bd\ufeffe\u00adf\ud800g\u00a0h\u3000i\u2028j\r\nk\rl\u202em"
    assert clean_text(dirty) == "abcdefg h i\nj\nk\nlm"


@given(st.text())
@settings(deadline=None)
def test_clean_text_can_be_stored_and_is_clean_at_once(text: str) -> None:
    """PostgreSQL takes neither NUL nor surrogates."""
    cleaned = clean_text(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert clean_text(cleaned) == cleaned


@given(st.binary(max_size=500))
@settings(deadline=None, max_examples=300)
def test_any_bytes_become_a_mail(raw: bytes) -> None:
    """cpython#151857: the standard policy raises on headers that exist."""
    mail = read_mail(raw)
    assert isinstance(mail, MailMessage)
    repr(mail).encode()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["From", "Reply-To", "Subject", "Content-Type", "Content-Transfer-Encoding", "Date", "To"]),
            st.text(max_size=40) | st.sampled_from(["multipart/mixed; boundary=b", "text/html", "base64", "=?x?q?=?="]),
        ),
        max_size=6,
    ),
    st.text(max_size=100) | st.sampled_from(["--b\n\nx\n--b--", "--b\nContent-Type: message/rfc822\n\nFrom: x\n"]),
)
@settings(deadline=None, max_examples=300)
def test_any_headers_and_body_become_a_mail(headers: list[tuple[str, str]], body: str) -> None:
    """Closer to real mail than random bytes: known headers with hostile values."""
    raw = "".join(f"{name}: {value}\n" for name, value in headers) + "\n" + body
    repr(read_mail(raw.encode("utf-8", "surrogatepass"))).encode()


def test_a_body_is_cut_at_its_limit() -> None:
    """A lead's words are few; the rest of two megabytes is not read."""
    mail = read_mail(b"Subject: x\r\n\r\n" + b"a b\r\n" * 500_000)
    assert mail.text is not None
    assert len(mail.text) <= BODY_LIMIT


def test_an_attachment_is_named_and_not_read_as_text() -> None:
    """A PDF flyer and a text file are attachments; their words are not the lead's."""
    raw = (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n'
        b'--b\r\nContent-Type: text/plain; name="a.txt"\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\n'
        b"secret\r\n--b--\r\n"
    )
    mail = read_mail(raw)
    assert (mail.text or "").strip() == "hello"
    assert [(each.filename, each.content_type) for each in mail.attachments] == [("a.txt", "text/plain")]


def test_an_undecodable_header_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """mail-parser logs headers it cannot decode; a log must never hold lead text."""
    with caplog.at_level(logging.DEBUG):
        read_mail(b"Subject: =?utf-8?q?Zyxwvut=ZZ?= =?bogus?b?!!!?=\r\nX-Name: =?nope?q?Zyxwvut?=\r\n\r\nZyxwvut")
    assert "Zyxwvut" not in caplog.text


def test_addresses_lose_what_a_sentence_puts_around_them() -> None:
    """Trap 4: the full stop after an address."""
    assert addresses_in("Write to <Ada@Example.net>, or 'bob@example.net'.") == ["ada@example.net", "bob@example.net"]


def test_hidden_nodes_scripts_and_styles_are_not_read() -> None:
    """Zillow repeats the message in a hidden preview: the message would double (lead-sources 1.4)."""
    html = '<style>x</style><span style="display: none">Hi</span><p hidden>Hi</p><script>Hi</script><p>Hello</p>'
    assert lines_of(html) == ["Hello"]


def test_cells_of_a_row_share_a_line_and_blocks_do_not() -> None:
    """A label and its value in two cells belong together; nested layout tables are only blocks."""
    html = (
        "<table><tr><td><table><tr><td><b>Name:</b></td><td>Ada</td></tr><tr><td>Phone</td><td>1</td></tr></table></td>"
        "<td>right</td></tr></table>a<br>b<div>c</div>"
    )
    assert lines_of(html) == ["Name:\tAda", "Phone\t1", "right", "a", "b", "c"]


def test_links_are_listed_with_target_and_text() -> None:
    """`mailto:` and `tel:` links hold what the text may only call `Email` and `Call`."""
    links = read_html('<a href="mailto:ada@example.net">Email</a> <a href="#top">Top</a>').links
    assert [(each.target, each.text) for each in links] == [("mailto:ada@example.net", "Email")]


def test_a_quoted_reply_is_not_the_senders_words() -> None:
    """The agent's number in the quote must not become the lead's."""
    text = "Yes\n\nOn Mon, Nov 23, 2026 at 9:00 AM Bob Agent <bob@brokerage.test>\nwrote:\n\n> Call 512-555-0199\n"
    assert [line for line in own_words(text.split("\n")) if line] == ["Yes"]


def test_a_reply_below_the_quote_is_kept() -> None:
    """Some people answer under what they quote."""
    text = "On Monday Bob Agent wrote:\n> Which day?\nSaturday, please"
    assert own_words(text.split("\n")) == ("Saturday, please",)


def test_a_contact_forms_own_from_line_is_no_forwarded_mail() -> None:
    """Contact Form 7 writes `From:` and `Subject:` into the text."""
    lines = ["From: Ada <ada@example.net>", "Subject: House", "", "Message Body:", "Hi"]
    assert forwarded_mail(lines, subject="House") is None
    assert own_words(lines) == tuple(lines)
