"""A tick that is held open: it looks again and again, and ends when there is something to do or its time is over.

A tick costs about 0.1 s of processor time in Dagster's processes (decision 0072), a look a few milliseconds; and looks
that come every second answer sooner than the daemon's loop of 5.
"""

import time
from collections.abc import Callable
from typing import TypeVar

# Below the 60 seconds after which Dagster ends a tick, and just below a multiple of the daemon's 5.
SECONDS_HELD = 44.5
Found = TypeVar("Found")


def look_until(look: Callable[[], Found], *, every: float, seconds: float = SECONDS_HELD) -> Found:
    """What `look` finds first, looking every so many seconds; what the last look found when time is over."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() + every < deadline:
        time.sleep(every)
    return found
