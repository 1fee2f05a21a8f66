"""Rules as data: what a file may say, what its mistakes are called, and what a made-up rule reads."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from leadflow_pipeline.adapters.rule_files import RuleFileError, load_rule, load_rules, rules_version
from leadflow_pipeline.domain.mail_labels import normalize_label
from leadflow_pipeline.domain.mail_outcomes import MailOutcome, judge_mail
from leadflow_pipeline.domain.mail_rule_reader import mail_rule, mail_rules
from leadflow_pipeline.domain.mail_rules import MailRule, RuleError


def rule(**content: Any) -> MailRule:
    basis = {"name": "sample", "source": "sample", "version": 1, "match": {"domains": ["portal.test"]}}
    return mail_rule({**basis, "fields": {"phone": ["Phone"]}, **content}, file="sample.yaml")


def judged(
    *rules: MailRule,
    text: str | None = None,
    html: str | None = None,
    sender: str = "leads@portal.test",
    subject: str = "x",
    **headers: str,
) -> MailOutcome:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "leads@brokerage.test", subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    if text is not None:
        message.set_content(text)
    if html is not None:
        (message.set_content if text is None else message.add_alternative)(html, subtype="html")
    return judge_mail(message.as_bytes(), rules)


def facts(outcome: MailOutcome) -> dict[str, Any]:
    assert outcome.lead is not None, outcome.reason
    return {key: value for key, value in vars(outcome.lead).items() if value and key not in ("origins", "extra")}


def test_a_fact_is_read_from_a_subject() -> None:
    """The agent app's mails hold the contact in the subject (lead-sources 1.3)."""
    subject = r"New inquiry: (?P<value>.+?) \(?\d"
    made = rule(
        fields={
            "name": {"subject": subject},
            "phone": {"subject": r"(?P<value>\(?\d{3}\)?[\d -]{8,})"},
            "email": {"subject": r"(?P<value>\S+@\S+)"},
        }
    )
    outcome = judged(made, text="Open the app", subject="New inquiry: Ada Example 512-555-0142 ada@example.net.")
    assert facts(outcome) == {"name": "Ada Example", "phone": "512-555-0142", "email": "ada@example.net"}


def test_a_fact_is_read_from_a_header() -> None:
    """Some portals put the person into Reply-To and nowhere else."""
    made = rule(
        fields={
            "email": {"header": "Reply-To", "part": "address"},
            "name": {"header": "from", "part": "name"},
            "property_mls_id": {"header": "X-Listing"},
        }
    )
    outcome = judged(made, text="x", sender="Ada Example <t0@portal.test>", Reply_To="ada@example.net", X_Listing="77")
    assert facts(outcome) == {"email": "ada@example.net", "name": "Ada Example", "property_mls_id": "77"}
    assert outcome.lead is not None
    assert outcome.lead.origins["email"] == "rule: header reply-to"


def test_a_fact_is_read_from_a_link() -> None:
    """Pages write `Call` and keep the number in the link; the portal's own address is passed over (trap 2)."""
    made = rule(
        own_domains=["portal.test"],
        fields={
            "email": {"link": "mailto"},
            "phone": {"link": "tel"},
            "property_url": {"link": "web", "beside": "view listing"},
        },
    )
    page = (
        '<a href="mailto:help@mail.portal.test">Help</a> <a href="mailto:ada%40example.net?subject=x">Mail</a>'
        '<a href="tel:+15125550142">Call</a> <a href="https://portal.test/help">Help</a>'
        '<a href="https://portal.test/homes/1">View listing</a>'
    )
    assert facts(judged(made, html=page)) == {
        "email": "ada@example.net",
        "phone": "+15125550142",
        "property_url": "https://portal.test/homes/1",
    }


def test_a_fact_is_read_after_a_heading() -> None:
    """`Ada says:` stands above the message; a known line ends it."""
    made = rule(
        fields={
            "name": {"text": r"^(?P<value>.+) says:$"},
            "message": {"heading": "says:$", "until": ["^About "]},
            "phone": ["Phone"],
        }
    )
    outcome = judged(
        made, text="New contact\n\nAda Example says:\nIs it free?\n\nThanks\n\nAbout Ada\nPhone: 512-555-0142"
    )
    assert facts(outcome) == {"name": "Ada Example", "message": "Is it free?\n\nThanks", "phone": "512-555-0142"}


def test_a_fact_is_read_from_a_line_of_its_own_in_a_section() -> None:
    """Some notices have no labels at all: only shape and place tell name, address and number."""
    section = {"after": "^New lead", "before": "^Your listing"}
    made = rule(
        fields={fact: {"alone": fact, **section} for fact in ("name", "email", "phone")}
        | {"property_address": {"alone": "address", "after": "^Your listing"}, "property_price": {"alone": "price"}}
    )
    text = (
        "Bob Agent\n512-555-0199\nNew lead\nAda Example\nada@example.net\n512-555-0142\n"
        "Your listing\n12 Oak St #4\nAustin, TX 78704\n$1,850/mo\n"
    )
    assert facts(judged(made, text=text)) == {
        "name": "Ada Example",
        "email": "ada@example.net",
        "phone": "512-555-0142",
        "property_address": "12 Oak St #4, Austin, TX 78704",
        "property_price": "$1,850/mo",
    }


def test_a_message_is_read_from_the_opening() -> None:
    """A relay's mail may be nothing but the message between a greeting and the portal's own words."""
    made = rule(fields={"phone": ["Phone"], "message": {"opening": "^Hi Bob", "until": ["^Reply"]}})
    outcome = judged(made, text="Hi Bob,\n\nIs it free?\n\nCall me.\nReply to this mail\nPhone: 512-555-0142")
    assert facts(outcome)["message"] == "Is it free?\n\nCall me."


LAYOUTS: dict[str, Any] = {
    "match": None,
    "fields": {"phone": ["Phone"]},
    "layouts": [
        {
            "name": "old",
            "match": {"domains": ["portal.test"], "contains": ["old layout"]},
            "fields": {"name": ["Name"]},
        },
        {"name": "new", "match": {"domains": ["portal.test"]}, "fields": {"name": ["Caller"]}, "requires": ["name"]},
    ],
}


def layouts(**content: Any) -> tuple[MailRule, ...]:
    basis = {key: value for key, value in {**BASIS, **LAYOUTS, **content}.items() if value is not None}
    return mail_rules(basis, file="sample.yaml")


def test_layouts_of_a_file_share_what_they_have_in_common() -> None:
    """A portal has several layouts at a time; the outcome names the one that read the mail."""
    made = layouts()
    old = judged(*made, text="old layout\nName: Ada\nPhone: 512-555-0142")
    new = judged(*made, text="Caller: Ada\nPhone: 512-555-0142")
    assert (old.rule, new.rule) == ("sample.old", "sample.new")
    assert facts(old) == facts(new) == {"name": "Ada", "phone": "512-555-0142"}


@pytest.mark.parametrize(
    ("layout", "key"),
    [
        ({"match": {"domains": ["x"]}}, "layouts.0.match.domains.0"),
        ({"fields": {"fone": ["x"]}}, "layouts.0.fields.fone"),
        ({"source": "x"}, "layouts.0.source"),
        ({"name": "Bad Name"}, "layouts.0.name"),
        ({"fields": {"phone": {"alone": "fax"}}}, "layouts.0.fields.phone.alone"),
    ],
)
def test_a_mistake_in_a_layout_names_the_layout(layout: dict[str, Any], key: str) -> None:
    """`fields.fone` alone would not say in which of them."""
    with pytest.raises(RuleError) as caught:
        layouts(layouts=[{"name": "old", "match": {"domains": ["portal.test"]}, **layout}])
    assert caught.value.key == key


def test_a_shared_senders_other_mail_is_left_to_the_generic_rule() -> None:
    """Zapier and Webflow send anything: what their rule does not know is no changed layout."""
    generic = mail_rule(
        {**BASIS, "name": "generic", "source": "generic", "match": {"everything": True}, "prose": True}, file="g.yaml"
    )
    made = rule(match={"domains": ["portal.test"], "shared": True, "contains": ["facebook ad"]})
    assert judged(made, generic, text="Phone: 512-555-0142").source == "generic"


def test_a_relay_address_is_never_an_email() -> None:
    """A relay reaches the person through the portal and is useless for enrichment."""
    made = rule(
        match={"domains": ["portal.test"], "subdomains": True},
        relay_domains=["relay.portal.test"],
        fields={"email": {"header": "from", "part": "address"}},
    )
    assert facts(judged(made, text="x", sender="Ada <x7@relay.portal.test>")) == {"relay_email": "x7@relay.portal.test"}


def test_a_domain_is_exact_unless_subdomains_are_asked_for() -> None:
    """Trap 5: `Homes.com` matched `Homespotter.com`."""
    exact, below = rule(), rule(match={"domains": ["portal.test"], "subdomains": True})
    assert exact.claims(["a@portal.test"])
    assert not exact.claims(["a@mail.portal.test"])
    assert below.claims(["a@mail.portal.test"])
    assert not below.claims(["a@notportal.test"])


def test_a_senders_mail_that_lacks_a_required_fact_is_a_changed_layout() -> None:
    """Silently generic would hide that a portal changed its mails."""
    generic = mail_rule(
        {**BASIS, "name": "generic", "source": "generic", "match": {"everything": True}, "prose": True}, file="g.yaml"
    )
    made = rule(fields={"name": ["Name"], "phone": ["Phone"]}, requires=["name", ["phone"]])
    outcome = judged(made, generic, text="Caller: Ada Example\nTelephone: 512-555-0142\n")
    assert outcome.outcome == "quarantined"
    assert outcome.reason == "layout of sample changed: name; phone not found"
    assert (outcome.source, outcome.rule, outcome.rule_version) == ("sample", "sample", 1)


def test_a_required_label_without_a_value_is_no_changed_layout() -> None:
    """The label is there, the person gave nothing: another reason, as nobody has to mend the rule."""
    made = rule(requires=["phone"])
    assert (judged(made, text="Phone:\n").reason or "").startswith("no contact method found")


def test_a_senders_mail_with_an_unknown_subject_is_a_changed_layout() -> None:
    """A known sender with an unknown template alarms at once (lead-sources 1.1)."""
    made = rule(match={"domains": ["portal.test"], "subject": "^New lead"})
    assert judged(made, text="Phone: 512-555-0142", subject="Hi").reason == (
        "layout of sample changed: subject that the rule knows not found"
    )


def test_a_lead_senders_other_mails_are_ignored_with_their_reason() -> None:
    """Security codes, digests, application notices (lead-sources 1.7)."""
    made = rule(not_leads=[{"reason": "weekly digest", "subject": "^Your week"}])
    outcome = judged(made, text="Phone: 512-555-0142", subject="Your week")
    assert (outcome.outcome, outcome.reason, outcome.source) == ("ignored", "weekly digest", "sample")


def test_the_richer_part_counts_and_the_other_fills_gaps() -> None:
    """One team measured 0 % names as it read a text part that no longer held them."""
    made = rule(fields={"name": ["Name"], "phone": ["Phone"], "email": ["Email"]})
    page = "<p>Name: Ada Example</p><p>Email: ada@example.net</p>"
    assert facts(judged(made, text="Phone: 512-555-0142", html=page)) == {
        "name": "Ada Example",
        "email": "ada@example.net",
        "phone": "512-555-0142",
    }


def test_an_address_takes_one_or_two_lines_and_ends_at_the_next_label() -> None:
    """Trap 7: `one or two lines, then MLSID`."""
    made = rule(
        fields={"phone": ["Phone"], "property_address": {"label": "Address", "lines": 2}, "property_mls_id": ["MLSID"]}
    )
    two = judged(made, text="Phone: 512-555-0142\nAddress: 1 Test Way #B-204\nAustin, TX 78704\nMLSID # 55")
    one = judged(made, text="Phone: 512-555-0142\nAddress: 1 Test Way, Austin\nMLSID # 55")
    assert facts(two)["property_address"] == "1 Test Way #B-204, Austin, TX 78704"
    assert facts(one)["property_address"] == "1 Test Way, Austin"
    assert facts(one)["property_mls_id"] == "55"


def test_a_part_of_what_was_found_can_be_taken() -> None:
    """`Home: 1 Test Way ($450,000)` holds two facts."""
    made = rule(
        fields={
            "phone": ["Phone"],
            "property_address": {"label": "Home", "take": r"(?P<value>.+?) \("},
            "property_price": {"label": "Home", "take": r"\((?P<value>.+)\)"},
        },
        extra={"pets": ["Pets"]},
    )
    outcome = judged(made, text="Phone: 512-555-0142\nHome: 1 Test Way ($450,000)\nPets: two cats")
    assert facts(outcome)["property_address"] == "1 Test Way"
    assert facts(outcome)["property_price"] == "$450,000"
    assert outcome.lead is not None
    assert outcome.lead.extra["pets"] == "two cats"


def test_a_label_is_compared_without_marks_and_case() -> None:
    """`E-mail (required) *` and `e-mail` are one label; `First Name` and `Name` are two."""
    assert normalize_label(" *E-mail* (required) ") == normalize_label("e-mail") == normalize_label("Email") == "email"
    assert normalize_label("First Name") != normalize_label("Name")


BASIS: dict[str, Any] = {
    "name": "sample",
    "source": "sample",
    "version": 1,
    "match": {"domains": ["portal.test"]},
    "fields": {"phone": ["Phone"]},
}


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"name": "Bad Name"}, "name", "small letters"),
        ({"version": "1"}, "version", "whole number"),
        ({"version": True}, "version", "whole number"),
        ({"matches": {}}, "matches", "Known here"),
        ({"match": {}}, "match", "mapping"),
        ({"match": {"subdomains": True}}, "match", "which mails"),
        ({"match": {"domains": ["https://portal.test"]}}, "match.domains.0", "without @ or https"),
        ({"match": {"addresses": ["portal.test"]}}, "match.addresses.0", "domains"),
        ({"match": {"subject": "("}}, "match.subject.0", "not a pattern"),
        ({"match": {"everything": True, "subject": "x"}}, "match.everything", "narrower"),
        ({"fields": {"fone": ["Phone"]}}, "fields.fone", "Facts: name"),
        ({"fields": {"phone": [True]}}, "fields.phone.label.0", "in quotes"),
        ({"fields": {"phone": [":"]}}, "fields.phone.label", "without letters"),
        ({"fields": {"phone": {"labels": "x"}}}, "fields.phone.labels", "Known here"),
        ({"fields": {"phone": {"label": "x", "link": "tel"}}}, "fields.phone", "one place"),
        ({"fields": {"phone": {"link": "fax"}}}, "fields.phone.link", "mailto, tel, web"),
        ({"fields": {"phone": {"subject": r"\d+"}}}, "fields.phone.subject", r"(?P<value>.+)"),
        ({"fields": {"phone": {"label": "x", "lines": 0}}}, "fields.phone.lines", "whole number"),
        ({"requires": ["email"]}, "requires.0", "Add it under `fields`"),
        ({"not_leads": [{"reason": "x"}]}, "not_leads.0", "every mail"),
    ],
)
def test_a_mistake_in_a_rule_names_the_key_and_the_remedy(change: dict[str, Any], key: str, words: str) -> None:
    """Whoever writes a rule is no programmer: the message has to do."""
    with pytest.raises(RuleError) as caught:
        rule(**change)
    assert caught.value.key == key
    assert words in str(caught.value)
    assert str(caught.value).startswith("sample.yaml: ")


GOOD = "name: sample\nsource: sample\nversion: 1\nmatch:\n  domains: [portal.test]\nfields:\n  phone: [Phone]\n"


def test_a_mistake_in_a_file_names_file_and_line(tmp_path: Path) -> None:
    """The line is what an editor needs."""
    path = tmp_path / "sample.yaml"
    path.write_text(GOOD.replace("phone:", "fone:"))
    with pytest.raises(RuleFileError, match=r"sample\.yaml:7: fields\.fone: is not a fact"):
        load_rule(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "is not YAML"),
        ("", "is not a rule"),
        ("- x", "is not a rule"),
        (GOOD + "version: 2\n", "twice"),
        ("a: &a [*a]\n", "is not"),
        ("? [1, 2]\n: x\n", "is not"),
        ("a: 2026-13-45\n", "in quotes"),
        ("a: !!python/object:os.system x", "is not YAML"),
    ],
)
def test_a_file_that_is_no_rule_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """One clear error type, whatever is wrong with the file."""
    (tmp_path / "sample.yaml").write_text(content)
    with pytest.raises(RuleFileError, match=words):
        load_rules(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """An editor that saves Windows-1252 would spoil Spanish labels."""
    (tmp_path / "sample.yaml").write_bytes("fields: {phone: [Teléfono]}".encode("latin-1"))
    with pytest.raises(RuleFileError, match="UTF-8"):
        load_rules(tmp_path)


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    """Silently without one's own rules would lose leads."""
    with pytest.raises(RuleFileError, match="LEADFLOW_RULES_DIR"):
        load_rules(tmp_path / "nowhere")


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    """Which of the two counts would be chance."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(RuleFileError, match="Rename one"):
        load_rules(tmp_path)


def test_an_own_rule_replaces_its_namesake_and_others_are_added(tmp_path: Path) -> None:
    """A user mends or adds a rule with a file and no code."""
    (tmp_path / "sample.yaml").write_text(GOOD)
    (tmp_path / "mine.yaml").write_text(GOOD.replace("name: sample", "name: realtor_com"))
    rules = {each.name: each for each in load_rules(tmp_path)}
    assert rules["realtor_com"].source == "sample"
    assert "sample" in rules
    assert list(rules)[-1] == "generic"


def test_the_packages_rules_load_and_the_generic_one_is_last() -> None:
    """Known senders first, any mail last."""
    sources = "zillow zillow_rentals streeteasy realtor_com homes_com trulia apartments_com apartment_list rent_com"
    sources += " apartment_guide for_rent yelp avail follow_up_boss idx_site contact_form_7 webflow zapier generic"
    rules = load_rules()
    assert {each.source for each in rules} == set(sources.split())
    assert rules[-1].name == "generic"


def test_the_version_of_the_rules_changes_with_what_they_say(tmp_path: Path) -> None:
    """Quarantined mails are replayed when it changes, so a comment must not change it and an alias must."""
    (tmp_path / "sample.yaml").write_text(GOOD)
    first = rules_version(load_rules(tmp_path))
    (tmp_path / "sample.yaml").write_text("# a comment\n" + GOOD)
    assert rules_version(load_rules(tmp_path)) == first
    (tmp_path / "sample.yaml").write_text(GOOD.replace("[Phone]", "[Phone, Mobile]"))
    assert rules_version(load_rules(tmp_path)) != first


def test_the_rule_in_the_docs_reads_the_mail_it_is_for(tmp_path: Path) -> None:
    """People start by copying it."""
    page = (Path(__file__).parents[3] / "docs" / "mail-rules.md").read_text()
    (tmp_path / "casa_central.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    rules = load_rules(tmp_path)
    outcome = judged(
        *rules,
        text="Full Name: Ana Lee\nMobile: 512-555-0142\n\nMessage from the visitor\nIs it free?\nView this lead\n",
        sender="leads@casacentral.example",
        subject="New inquiry for 12 Oak St, Austin, TX 78704",
        Reply_To="ana@example.net",
    )
    assert (outcome.source, facts(outcome)) == (
        "casa_central",
        {
            "name": "Ana Lee",
            "phone": "512-555-0142",
            "email": "ana@example.net",
            "property_address": "12 Oak St, Austin, TX 78704",
            "message": "Is it free?",
        },
    )
    digest = judged(*rules, text="14 visits", sender="leads@casacentral.example", subject="Your weekly report")
    assert (digest.outcome, digest.reason) == ("ignored", "digest of the portal")
