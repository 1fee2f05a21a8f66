"""A tick that is held open: it looks again and again, and ends when there is something to do or its time is over.

A tick costs about 0.1 s of processor time in Dagster's processes (decision 0072), a look a few milliseconds; and looks
that come every second answer sooner than the daemon's loop of 5.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from dagster._grpc.utils import default_sensor_grpc_timeout

# After so many seconds Dagster ends a tick and calls it failed: 60, or DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS, which
# `leadflow up` sets. The daemon looks at sensors every 5 seconds, so what is held ends just before such a look.
LONGEST_TICK = float(default_sensor_grpc_timeout())
SECONDS_HELD = LONGEST_TICK - 15.5
Found = TypeVar("Found")


def look_until(look: Callable[[], Found], *, every: float, seconds: float = SECONDS_HELD) -> Found:
    """What `look` finds first, looking every so many seconds; what the last look found when time is over."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() + every < deadline:
        time.sleep(every)
    return found
