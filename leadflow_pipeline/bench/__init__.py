"""Measurements and fault tests, one module each: functions that do the work and return plain values. No Dagster at import."""
