"""When an effect that failed is tried again, and when it is given up. Pure: the chance is handed in."""

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 900.0
MAX_ATTEMPTS = 100  # at the longest pause about a day: a vendor's bad afternoon is over by then


def seconds_until_next_try(attempts: int, *, retry_after: float | None, chance: float) -> float | None:
    """How long to wait after the attempt number `attempts` (from 1) has failed; None: give up.

    Doubles up to a quarter of an hour; `chance` (0 to 1) spreads it between half and the whole of that, so that what
    failed together does not come back together. What the vendor asks for (`retry_after`) is the least.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    pause: float = min(FIRST_SECONDS * 2 ** min(attempts - 1, 20), LONGEST_SECONDS)
    return max(pause * (0.5 + chance / 2), retry_after or 0.0)
