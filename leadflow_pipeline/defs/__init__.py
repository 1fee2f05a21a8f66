"""The only package that imports Dagster: assets, checks, sensors, jobs and resources, a few lines each."""
