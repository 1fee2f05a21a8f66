-- What routing looks at in a lead, in one place: for leads that are given out and for those that are given to another.

create view routing.lead_facts as
select
    scored.lead_id,
    scored.bucket,
    staged.received_at,
    normalized.full_name as name,
    normalized.email,
    normalized.email_kind,
    case when normalized.phone_valid then normalized.phone_e164 end as phone,
    normalized.property_mls_id,
    normalized.property_address,
    normalized.property_url,
    normalized.property_price,
    normalized.budget,
    normalized.lead_type,
    left(normalized.message, 2000) as message,
    case
        when coalesce(normalized.property_zip, normalized.property_city) is null then normalized.zip
        else normalized.property_zip
    end as zip,
    case
        when coalesce(normalized.property_zip, normalized.property_city) is null then normalized.city
        else normalized.property_city
    end as city,
    case
        when coalesce(normalized.property_zip, normalized.property_city) is null then normalized.state
        else normalized.property_state
    end as state,
    case
        when coalesce(normalized.property_zip, normalized.property_city) is null then enriched.county
    end as county,
    claims.lead_id is not null as was_offered,
    claims.status as offer_status
from leads.scored_leads as scored
inner join leads.staged_leads as staged on scored.lead_id = staged.lead_id
left join leads.normalized_leads as normalized on scored.lead_id = normalized.lead_id
left join leads.enriched_leads as enriched on scored.lead_id = enriched.lead_id
left join routing.claims as claims on scored.lead_id = claims.lead_id;

comment on view routing.lead_facts is 'One row per scored lead, with what decides who gets it. Where a property is named its place counts, else the person''s.';
comment on column routing.lead_facts.offer_status is 'How far its offer in Slack is; null where it was not offered.';

create view routing.card_facts as
select
    staged.lead_id,
    staged.event_id,
    staged.source,
    staged.received_at,
    normalized.full_name,
    normalized.email,
    normalized.relay_email,
    normalized.phone_e164,
    normalized.phone_valid,
    normalized.lead_type,
    normalized.timeframe,
    normalized.budget,
    normalized.rent_monthly,
    normalized.property_address,
    normalized.property_price,
    normalized.property_url,
    coalesce(normalized.property_city, normalized.city) as city,
    coalesce(normalized.property_state, normalized.state) as state,
    coalesce(normalized.property_zip, normalized.zip) as zip,
    left(normalized.message, 1500) as message,
    scored.score,
    scored.bucket,
    scored.contributions,
    assigned.method,
    assigned.agent_id
from leads.staged_leads as staged
left join leads.normalized_leads as normalized on staged.lead_id = normalized.lead_id
left join leads.scored_leads as scored on staged.lead_id = scored.lead_id
left join leads.assigned_leads as assigned on staged.lead_id = assigned.lead_id;

comment on view routing.card_facts is 'One row per lead, with what agents are shown of it in Slack.';
