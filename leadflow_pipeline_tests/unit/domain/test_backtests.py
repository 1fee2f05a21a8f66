"""What other weights would have done, on leads whose fate is known."""

from typing import Any

import pytest

from leadflow_pipeline.domain.backtests import compare_weights


def lead(lead_id: int, old: tuple[int, str], new: tuple[int, str], outcome: str = "") -> dict[str, Any]:
    stages = ("contacted", "appointment", "won")
    return {
        "lead_id": lead_id,
        "old_score": old[0],
        "old_bucket": old[1],
        "new_score": new[0],
        "new_bucket": new[1],
        **{stage: outcome in stages and stages.index(outcome) >= stages.index(stage) for stage in stages},
    }


def test_leads_that_change_bucket_are_counted_and_listed() -> None:
    found = compare_weights(
        [
            lead(1, (10, "low"), (30, "standard")),
            lead(2, (80, "hot"), (80, "hot")),
            lead(3, (80, "hot"), (70, "standard")),
            lead(4, (30, "standard"), (40, "standard")),
        ]
    )
    assert found.leads == 4
    assert found.changed.to_dict("records") == [
        {"lead_id": 1, "old_score": 10, "old_bucket": "low", "new_score": 30, "new_bucket": "standard"},
        {"lead_id": 3, "old_score": 80, "old_bucket": "hot", "new_score": 70, "new_bucket": "standard"},
    ]
    assert found.bucket_changes.to_dict("index") == {
        "low": {"low": 0, "standard": 1, "hot": 0},
        "standard": {"low": 0, "standard": 1, "hot": 0},
        "hot": {"low": 0, "standard": 1, "hot": 1},
    }


def test_precision_is_of_the_hot_leads_and_recall_of_those_who_got_there() -> None:
    found = compare_weights(
        [
            lead(1, (80, "hot"), (10, "low"), "won"),
            lead(2, (80, "hot"), (90, "hot"), "appointment"),
            lead(3, (80, "hot"), (90, "hot")),
            lead(4, (10, "low"), (90, "hot"), "appointment"),
            lead(5, (10, "low"), (10, "low"), "contacted"),
        ]
    )
    quality = {(row["weights"], row["outcome"]): row for row in found.hot_quality.to_dict("records")}
    old, new = quality["old", "appointment"], quality["new", "appointment"]
    assert (old["hot"], old["reached"]) == (3, 3)
    assert (old["precision"], old["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert (new["precision"], new["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert quality["old", "won"]["recall"] == 1
    assert quality["new", "won"]["recall"] == 0


def test_lift_tells_how_much_likelier_the_best_decile_is() -> None:
    """Of 100 leads 10 got there; the new weights put all of them on top, the old ones know nothing."""
    found = compare_weights(
        lead(number, (50, "standard"), (100 - number, "standard"), "appointment" if number < 10 else "")
        for number in range(100)
    )
    assert found.lift["new"].tolist() == pytest.approx([10, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    assert found.lift["old"].tolist() == pytest.approx([1] * 10), "leads of one score have no order among them"


def test_without_outcomes_there_is_no_lift_and_no_recall() -> None:
    found = compare_weights([lead(number, (80, "hot"), (10, "low")) for number in range(20)])
    assert found.lift.isna().all().all()
    assert found.hot_quality["recall"].isna().all()
    assert found.hot_quality.loc[0, "precision"] == 0
