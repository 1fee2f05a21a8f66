"""A score in one line."""

from typing import Any

import pytest

from leadflow_pipeline.domain.score_reasons import NO_REASON, describe_score, describe_watched

PHONE = {"rule": "has_phone", "signal": "has_phone", "points": 10, "evidence": "valid number"}
HOUR = {"rule": "before_office_hours", "signal": "hour_of_day", "points": 0, "evidence": "03:12"}


def budget(evidence: str, points: int = 25) -> dict[str, Any]:
    return {"rule": "high_budget", "signal": "budget", "points": points, "evidence": evidence}


def keywords(evidence: str) -> dict[str, Any]:
    return {"rule": "ready_keywords", "signal": "ready_keywords", "points": 50, "evidence": evidence}


@pytest.mark.parametrize(
    ("contributions", "line"),
    [
        ([PHONE, budget("$1,200,000"), keywords("cash buyer")], "cash buyer, +50; $1.2M budget, +25; phone, +10"),
        ([keywords("cash buyer, pre-approved")], "cash buyer, pre-approved, +50"),
        ([budget("$650,000")], "$650K budget, +25"),
        ([budget("$1,999,999")], "$1.99M budget, +25"),
        ([budget("$999")], "$999 budget, +25"),
        ([budget("$$$")], "$$$ budget, +25"),
        ([budget("$100,000", -5), PHONE], "phone, +10; $100K budget, -5"),
        ([HOUR], NO_REASON),
        ([], NO_REASON),
        ([{"rule": "has_phone", "points": 10, "evidence": "valid number"}], "phone, +10"),
        ([{"rule": "ready_keywords", "points": 50, "evidence": "investor"}], "investor, +50"),
        ([{"rule": "new_rule", "signal": "new", "points": 7, "evidence": "seen"}], "new rule (seen), +7"),
        ([{"rule": "new_rule", "signal": "new", "points": 7, "evidence": None}], "new rule, +7"),
    ],
)
def test_a_score_is_told_in_one_line_with_the_weightiest_reason_first(
    contributions: list[dict[str, Any]], line: str
) -> None:
    assert describe_score(contributions) == line


def test_rules_without_points_are_told_apart() -> None:
    assert describe_watched([PHONE, HOUR]) == "before office hours (03:12)"
    assert describe_watched([PHONE]) == ""
