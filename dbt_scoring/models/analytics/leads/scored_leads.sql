select
    staged.lead_id,
    staged.event_id,
    staged.source,
    staged.channel,
    scored.score,
    scored.bucket,
    scored.scoring_version,
    staged.received_at,
    scored.scored_at,
    assigned.assigned_at,
    extract(epoch from assigned.assigned_at - staged.received_at)::double precision as seconds_to_assigned,
    assigned.method,
    assigned.agent_id,
    agents.name as agent_name,
    waiting.lead_id is not null as waits_for_agent,
    normalized.phone_valid as has_phone,
    normalized.email is not null as has_email,
    normalized.relay_email is not null as has_relay_email,
    coalesce(enriched.address_verified, false) as has_verified_address,
    normalized.budget,
    normalized.rent_monthly,
    normalized.lead_type,
    normalized.city,
    normalized.state,
    normalized.zip,
    normalized.property_city,
    normalized.property_state,
    normalized.property_zip,
    normalized.property_price
from {{ source('leads', 'staged_leads') }} as staged
left join {{ source('leads', 'normalized_leads') }} as normalized on staged.lead_id = normalized.lead_id
left join {{ source('leads', 'enriched_leads') }} as enriched on staged.lead_id = enriched.lead_id
left join {{ source('leads', 'scored_leads') }} as scored on staged.lead_id = scored.lead_id
left join {{ source('leads', 'assigned_leads') }} as assigned on staged.lead_id = assigned.lead_id
left join {{ source('routing', 'agents') }} as agents on assigned.agent_id = agents.agent_id
left join {{ source('routing', 'waiting_leads') }} as waiting on staged.lead_id = waiting.lead_id
left join {{ source('leads', 'inquiries') }} as inquiries on staged.lead_id = inquiries.lead_id
-- A copy of another lead is a source of that one, and no lead.
where inquiries.merged_into is null
