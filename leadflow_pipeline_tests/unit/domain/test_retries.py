"""When a failed effect is tried again."""

import pytest

from leadflow_pipeline.domain.retries import LONGEST_SECONDS, MAX_ATTEMPTS, seconds_until_next_try


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [(1, 1.0, 2), (1, 0.0, 1), (2, 1.0, 4), (5, 1.0, 32), (10, 1.0, LONGEST_SECONDS), (99, 0.0, LONGEST_SECONDS / 2)],
)
def test_the_pause_doubles_up_to_a_quarter_of_an_hour_and_is_spread(
    attempts: int, chance: float, seconds: float
) -> None:
    assert seconds_until_next_try(attempts, retry_after=None, chance=chance) == seconds


def test_the_vendor_s_wish_is_the_least_that_is_waited() -> None:
    assert seconds_until_next_try(1, retry_after=77, chance=0.5) == 77
    assert seconds_until_next_try(9, retry_after=1, chance=1.0) == 512


def test_an_effect_is_given_up_only_after_most_of_a_day() -> None:
    pauses = [seconds_until_next_try(attempts, retry_after=None, chance=0.0) for attempts in range(1, MAX_ATTEMPTS)]
    assert sum(pause or 0 for pause in pauses) > 10 * 3600
    assert seconds_until_next_try(MAX_ATTEMPTS, retry_after=None, chance=0.0) is None
