"""The fault test of deliveries in short; `make faults` runs it with 2,000 leads and 200 kills."""

import pytest

from leadflow_pipeline.bench.delivery_faults import run_delivery_faults
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.vendor_settings import CrmName


@pytest.mark.timeout(400)
@pytest.mark.parametrize("crm", ["followupboss", "hubspot"])
def test_every_lead_has_one_contact_one_task_and_one_text_though_deliverers_are_killed_and_vendors_fail(
    database_url: str, settings: Settings, crm: CrmName
) -> None:
    result = run_delivery_faults(database_url, settings, leads=40, kills=10, crm=crm, most_seconds=300)
    assert result.kills == 10
    assert result.leads == 40
    assert {"answer", "error", "limited", "hang"} <= result.calls.keys()
    assert result.tries > result.effects
    assert result.is_exact, result
