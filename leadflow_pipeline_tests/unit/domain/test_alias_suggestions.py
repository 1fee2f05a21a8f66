"""Healed labels become lines to paste, and are proposed no more once a rule knows them."""

from typing import Any

import yaml

from leadflow_pipeline.domain.alias_suggestions import HealedLabel, suggest_aliases
from leadflow_pipeline.domain.mail_rule_reader import mail_rule
from leadflow_pipeline.domain.mail_rules import MailRule


def rule(*labels: str) -> MailRule:
    content = {
        "name": "sample",
        "source": "sample",
        "version": 1,
        "match": {"domains": ["portal.test"]},
        "fields": {"phone": [{"link": "tel"}, {"label": list(labels)}]},
    }
    return mail_rule(content, file="sample.yaml")


def healed(label: str, **changes: Any) -> HealedLabel:
    row = {"rule": "sample", "field": "phone", "known": "phone", "leads": 3, "event_ids": (9, 8, 7)}
    return HealedLabel(**{"label": label, **row, **changes})


def test_new_labels_join_those_of_their_place_the_most_frequent_first() -> None:
    [suggestion] = suggest_aliases(
        [healed("Phones", leads=2), healed("Phone No.", leads=40), healed("Phone #: x", leads=1)],
        [rule("Phone", "Mobile")],
    )
    assert (suggestion.rule.name, suggestion.field) == ("sample", "phone")
    assert suggestion.line == 'label: [phone, mobile, "Phone No.", Phones, "Phone #: x"]'
    assert [each.leads for each in suggestion.healed] == [40, 2, 1]


def test_a_label_that_the_rule_knows_by_now_is_proposed_no_more() -> None:
    """The leads that were healed before the rule was mended stay in the tables."""
    assert list(suggest_aliases([healed("Phone No.")], [rule("Phone", "Phone No.")])) == []


def test_a_rule_or_field_that_is_gone_is_passed_over() -> None:
    gone = [healed("Phones", rule="other"), healed("Phones", field="email"), healed("Phones", known="cell")]
    assert list(suggest_aliases(gone, [rule("Phone")])) == []


def test_a_proposed_line_is_yaml_that_a_rule_can_hold() -> None:
    """Ready to paste: signs that YAML reads are in quotation marks."""
    [suggestion] = suggest_aliases([healed("Phone, cell: #1"), healed('The "best" phone')], [rule("Phone")])
    assert yaml.safe_load(suggestion.line) == {"label": ["phone", "Phone, cell: #1", 'The "best" phone']}
