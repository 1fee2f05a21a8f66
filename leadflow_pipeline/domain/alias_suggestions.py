"""Labels that were healed, as aliases to put into a rule: what `leadflow rules suggest` proposes.

A label that a rule knows by now is proposed no more, however many leads were healed before.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from leadflow_pipeline.domain.mail_labels import normalize_label
from leadflow_pipeline.domain.mail_rules import Finder, MailRule


@dataclass(frozen=True, kw_only=True)
class HealedLabel:
    """A label that a rule does not know, under which fields of leads were found."""

    rule: str
    field: str
    label: str  # as the mails have it
    known: str  # the rule's label that it was taken for
    leads: int
    event_ids: tuple[int, ...]  # of the latest ones


@dataclass(frozen=True, kw_only=True)
class AliasSuggestion:
    """What to put into one place of one rule."""

    rule: MailRule
    field: str
    healed: tuple[HealedLabel, ...]  # the most frequent first
    labels: tuple[str, ...]  # the line to paste: the place's labels, with the new ones

    @property
    def line(self) -> str:
        """The place's labels as YAML."""
        return f"label: [{', '.join(map(_quoted, self.labels))}]"


def suggest_aliases(healed: Iterable[HealedLabel], rules: Sequence[MailRule]) -> Iterator[AliasSuggestion]:
    """For each place of each rule the labels to add, by rule and field."""
    by_name = {rule.name: rule for rule in rules}
    places = sorted(healed, key=lambda each: (each.rule, each.field, each.known, -each.leads))
    for (name, field, known), group in groupby(places, key=lambda each: (each.rule, each.field, each.known)):
        rule = by_name.get(name)
        finder = _finder(rule, field, known) if rule is not None else None
        if rule is None or finder is None:
            continue
        new = tuple(each for each in group if normalize_label(each.label) not in finder.labels)
        if new:
            labels = (*finder.labels, *dict.fromkeys(each.label for each in new))
            yield AliasSuggestion(rule=rule, field=field, healed=new, labels=labels)


def _finder(rule: MailRule, field: str, known: str) -> Finder | None:
    """The place of a rule that has the label."""
    return next((each for each in rule.finders.get(field, ()) if known in each.labels), None)


def _quoted(label: str) -> str:
    """A label as YAML; in quotation marks where it holds a sign that YAML would read."""
    is_plain = label.replace(" ", "").isalnum() and not label.isdecimal()
    return label if is_plain else json.dumps(label, ensure_ascii=False)
