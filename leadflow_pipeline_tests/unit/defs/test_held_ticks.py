"""Ticks that are held open: when they end, and that an orphaned one tells nobody anything."""

import itertools

from leadflow_pipeline.defs.held_ticks import begin_tick, look_until


def test_a_tick_is_the_newest_until_another_of_its_sensor_begins() -> None:
    first, other = begin_tick("a sensor"), begin_tick("another sensor")
    assert first()
    second = begin_tick("a sensor")
    assert (first(), second(), other()) == (False, True, True)


def test_it_looks_until_it_finds_something() -> None:
    looks = itertools.count(-2)
    assert look_until("looker", lambda: max(0, next(looks)), every=0.001, seconds=5) == 1


def test_what_the_last_look_found_is_given_when_time_is_over() -> None:
    assert look_until("looker", lambda: 0, every=0.001, seconds=0.01) == 0


def test_it_ends_without_a_finding_when_a_newer_tick_has_begun() -> None:
    def look() -> int:
        begin_tick("looker")
        return 0

    assert look_until("looker", look, every=0.001, seconds=60) is None
