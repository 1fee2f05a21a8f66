"""All webhook sources by name: the one place where a new one is added."""

from collections.abc import Mapping

from leadflow_pipeline.domain.webhook_sources.adf import ADF
from leadflow_pipeline.domain.webhook_sources.google_ads import GOOGLE_ADS
from leadflow_pipeline.domain.webhook_sources.gravity_forms import GRAVITY_FORMS
from leadflow_pipeline.domain.webhook_sources.meta import META
from leadflow_pipeline.domain.webhook_sources.realtor_com import REALTOR_COM
from leadflow_pipeline.domain.webhook_sources.source import Source
from leadflow_pipeline.domain.webhook_sources.standard import STANDARD
from leadflow_pipeline.domain.webhook_sources.typeform import TYPEFORM
from leadflow_pipeline.domain.webhook_sources.webflow import WEBFLOW
from leadflow_pipeline.domain.webhook_sources.website import WEBSITE
from leadflow_pipeline.domain.webhook_sources.zillow import ZILLOW
from leadflow_pipeline.domain.webhook_sources.zillow_rentals import ZILLOW_RENTALS

SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        WEBSITE,
        STANDARD,
        ZILLOW,
        ZILLOW_RENTALS,
        REALTOR_COM,
        GOOGLE_ADS,
        META,
        TYPEFORM,
        WEBFLOW,
        GRAVITY_FORMS,
        ADF,
    )
}
