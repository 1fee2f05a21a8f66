"""Measurements and fault tests at full size, one module each: functions that return plain values, run by hand."""
