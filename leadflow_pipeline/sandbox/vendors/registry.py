"""Which stand-ins there are. A new one is a module with a function that builds its `Vendor`, and a line here."""

from collections.abc import Callable, Sequence

from leadflow_pipeline.sandbox.vendors import (
    clearbit,
    followupboss,
    google,
    hubspot,
    llm,
    meta,
    pdl,
    slack,
    smtp,
    twilio,
)
from leadflow_pipeline.sandbox.vendors.vendor import Vendor
from leadflow_pipeline.settings import Settings

BUILDERS: Sequence[Callable[[Settings], Vendor]] = (
    google.build,
    clearbit.build,
    pdl.build,
    meta.build,
    llm.build,
    slack.build,
    followupboss.build,
    hubspot.build,
    twilio.build,
    smtp.build,
)


def build_vendors(settings: Settings) -> dict[str, Vendor]:
    """All stand-ins of a sandbox, by name."""
    vendors = [build(settings) for build in BUILDERS]
    return {vendor.name: vendor for vendor in vendors}
