"""A tick that is held open: it looks again and again, and ends when there is something to do or its time is over.

A tick costs about 0.1 s of processor time in Dagster's processes (decision 0072), a look a few milliseconds; and looks
that come every second answer sooner than the daemon's loop of 5.
"""

import itertools
import time
from collections.abc import Callable
from typing import TypeVar

from dagster._grpc.utils import default_sensor_grpc_timeout

# After so many seconds Dagster ends a tick and calls it failed: 60, or DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS, which
# `leadflow up` sets. The daemon looks at sensors every 5 seconds, so what is held ends just before such a look.
LONGEST_TICK = float(default_sensor_grpc_timeout())
SECONDS_HELD = LONGEST_TICK - 15.5
Found = TypeVar("Found")
_NUMBERS = itertools.count()
_NEWEST: dict[str, int] = {}  # of each sensor, the tick that began last


def begin_tick(sensor: str) -> Callable[[], bool]:
    """Whether this tick of the sensor is still the newest one, whenever asked.

    Dagster has one tick of a sensor at a time. So when a newer one begins, the daemon that waited for this one is gone,
    and what this one would answer nobody hears.
    """
    number = _NEWEST[sensor] = next(_NUMBERS)
    return lambda: _NEWEST[sensor] == number


def look_until(sensor: str, look: Callable[[], Found], *, every: float, seconds: float = SECONDS_HELD) -> Found | None:
    """What `look` finds first, looking every so many seconds; what the last look found when time is over.

    None when a newer tick of the sensor has begun meanwhile.
    """
    deadline = time.monotonic() + seconds
    is_newest = begin_tick(sensor)
    while not (found := look()) and time.monotonic() + every < deadline:
        time.sleep(every)
        if not is_newest():
            return None
    return found
