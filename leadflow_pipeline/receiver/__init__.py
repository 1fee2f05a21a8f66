"""The HTTP service: it stores what is pushed to us and answers. It never imports Dagster and never waits for it."""
