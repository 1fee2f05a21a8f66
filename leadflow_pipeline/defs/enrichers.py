"""Which vendors tell more about a lead, by the settings: adapters, handed to the stages of enrichment."""

from leadflow_pipeline.domain.enrichment import GEOCODER
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.enriched_leads import Enrichment
from leadflow_pipeline.stages.vendor_answers import VendorClient


def build_enrichment(settings: Settings) -> Enrichment:
    """The vendors of a stack with these settings."""
    # Googlemaps is slow to import, and this module is imported by every process of Dagster.
    from leadflow_pipeline.adapters.clearbit import Clearbit
    from leadflow_pipeline.adapters.google_geocoder import GoogleGeocoder
    from leadflow_pipeline.adapters.people_data_labs import PeopleDataLabs

    clients: dict[str, VendorClient] = {}
    if found := settings.find_vendor(GEOCODER):
        clients[GEOCODER] = GoogleGeocoder(key=found.key, url=found.url)
    for name in settings.list_enrichers():
        found = settings.find_vendor(name)
        if found is None:
            continue
        if name == "clearbit":
            clients[name] = Clearbit(key=found.key, url=found.url)
        else:
            clients[name] = PeopleDataLabs(key=found.key, url=found.url, min_likelihood=settings.pdl_min_likelihood)
    return Enrichment(
        clients=clients,
        keep_days={
            GEOCODER: settings.google_keep_days,
            "clearbit": settings.people_keep_days,
            "pdl": settings.people_keep_days,
        },
        most_seconds=settings.vendor_seconds,
        share=settings.vendor_share,
        at_once=settings.vendor_calls_at_once,
        batch_size=settings.batch_size,
    )
