"""Which vendors tell more about a lead, by the settings: adapters, handed to the stages of enrichment."""

from leadflow_pipeline.domain.enrichment import GEOCODER
from leadflow_pipeline.settings import Settings
from leadflow_pipeline.stages.enriched_leads import Enrichment
from leadflow_pipeline.stages.vendor_answers import VendorClient

SANDBOX_GOOGLE_KEY = "AIzaSandbox"  # Google's client takes none that begins otherwise


def build_enrichment(settings: Settings) -> Enrichment:
    """The vendors of a stack with these settings."""
    # Googlemaps is slow to import, and this module is imported by every process of Dagster.
    from leadflow_pipeline.adapters.clearbit import URL as CLEARBIT_URL
    from leadflow_pipeline.adapters.clearbit import Clearbit
    from leadflow_pipeline.adapters.google_geocoder import GoogleGeocoder
    from leadflow_pipeline.adapters.people_data_labs import URL as PDL_URL
    from leadflow_pipeline.adapters.people_data_labs import PeopleDataLabs

    clients: dict[str, VendorClient] = {}
    if found := settings.find_vendor(GEOCODER, SANDBOX_GOOGLE_KEY):
        key, url = found
        clients[GEOCODER] = GoogleGeocoder(key=key, url=url)
    for name in settings.list_enrichers():
        found = settings.find_vendor(name)
        if found is None:
            continue
        key, url = found
        if name == "clearbit":
            clients[name] = Clearbit(key=key, url=url or CLEARBIT_URL)
        else:
            clients[name] = PeopleDataLabs(key=key, url=url or PDL_URL, min_likelihood=settings.pdl_min_likelihood)
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
