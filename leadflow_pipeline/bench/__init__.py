"""Measurements, one module each: functions that do the work and return plain values. Nothing of Dagster at import."""
