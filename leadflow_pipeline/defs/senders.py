"""Which sender carries which kind of effect: adapters by the settings, handed to the senders of the stages.

A kind without a sender waits in the outbox: its vendor is not configured.
"""

from collections.abc import Mapping

from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.deliveries import Sender
from leadflow_pipeline.stages.store import Store


def build_senders(settings: Settings, store: Store) -> Mapping[str, Sender]:  # noqa: ARG001
    """The senders of a stack with these settings, by kind of effect."""
    return {}
