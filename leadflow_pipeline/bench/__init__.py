"""Measurements and fault tests, one module each: functions that return plain values. Nothing of Dagster at import."""
