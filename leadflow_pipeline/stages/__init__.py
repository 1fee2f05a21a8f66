"""Use cases, one module per asset or intake: read what is due, let `domain` decide, write it down.

No Dagster and no driver of an outside system in here; the store is handed in.
"""
