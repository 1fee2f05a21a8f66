-- name: find_outcome_leads(rows)
-- Which lead each outcome is about: the one with its id, else the person's latest by then.
select
    told.row_number,
    lead.lead_id,
    lead.received_at
from
    jsonb_to_recordset(:rows::jsonb)
        as told (row_number integer, lead_id bigint, email text, phone_e164 text, happened_at timestamptz)
cross join lateral (
    select
        staged.lead_id,
        staged.received_at
    from leads.staged_leads as staged
    where staged.lead_id = told.lead_id
    union all
    (
        select
            staged.lead_id,
            staged.received_at
        from leads.normalized_leads as normalized
        inner join leads.staged_leads as staged on normalized.lead_id = staged.lead_id
        where
            told.lead_id is null
            and (lower(normalized.email) = lower(told.email) or normalized.phone_e164 = told.phone_e164)
            and staged.received_at <= told.happened_at
        order by staged.received_at desc, staged.lead_id desc
        limit 1
    )
) as lead;

-- name: write_outcomes(rows, told_by)!
-- Keep what became of leads; what is known already is left as it is.
insert into leads.outcomes (lead_id, stage, happened_at, told_by)
select
    told.lead_id,
    told.stage,
    told.happened_at,
    :told_by
from jsonb_to_recordset(:rows::jsonb) as told (lead_id bigint, stage text, happened_at timestamptz)
on conflict (lead_id, stage, happened_at) do nothing;

-- name: read_outcomes(lead_id)
-- What became of a lead, in order.
select
    stage,
    happened_at,
    told_by
from leads.outcomes
where lead_id = :lead_id
order by happened_at, outcome_id;
