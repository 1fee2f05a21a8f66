"""How processes run: the embedded PostgreSQL, the supervisor of `leadflow up`, Dagster's run launcher."""
