-- name: find_contacts(emails, phones, most)
-- People who are known by any of these addresses and numbers, with all that is known of them by. What more than
-- `most` people share is nobody's, and leads to nobody.
with asked as (
    select
        'email' as kind,
        unnest(:emails::text[]) as value
    union all
    select
        'role email' as kind,
        unnest(:emails::text[]) as value
    union all
    select
        'phone' as kind,
        unnest(:phones::text[]) as value
),

ranked as (
    select
        keys.contact_id,
        row_number() over (partition by keys.kind, keys.value order by keys.contact_id) as place
    from leads.contact_keys as keys
    inner join asked on keys.kind = asked.kind and keys.value = asked.value
),

found as (
    select distinct contact_id
    from ranked
    where place <= :most
)

select
    contacts.contact_id,
    contacts.name,
    array_agg(array[keys.kind, keys.value]) as keys
from found
inner join leads.contacts as contacts on found.contact_id = contacts.contact_id
inner join leads.contact_keys as keys on found.contact_id = keys.contact_id
group by contacts.contact_id, contacts.name;

-- name: list_inquiries_between(contact_ids, since, until)
-- Leads of these people that came in that time and have an agent, or are about to have one.
select
    inquiries.lead_id,
    inquiries.contact_id,
    inquiries.received_at,
    inquiries.properties
from leads.inquiries as inquiries
where
    inquiries.contact_id = any(:contact_ids::bigint[])
    and inquiries.received_at between :since and :until
    and inquiries.merged_into is null
    and (
        exists (
            select from leads.assigned_leads as assigned
            where assigned.lead_id = inquiries.lead_id and assigned.agent_id is not null
        )
        or exists (select from routing.waiting_leads as waiting where waiting.lead_id = inquiries.lead_id)
        or exists (
            select from routing.claims as claims
            where claims.lead_id = inquiries.lead_id and claims.status in ('announced', 'open', 'withdrawn')
        )
    )
order by inquiries.received_at, inquiries.lead_id;

-- name: list_contact_agents(contact_ids)
-- Who has each of these people: the agent of their last lead.
select distinct on (inquiries.contact_id)
    inquiries.contact_id,
    assigned.agent_id
from leads.inquiries as inquiries
inner join leads.assigned_leads as assigned on inquiries.lead_id = assigned.lead_id
where inquiries.contact_id = any(:contact_ids::bigint[]) and assigned.agent_id is not null
order by inquiries.contact_id asc, assigned.assigned_at desc, assigned.lead_id desc;

-- name: write_inquiries(batch_id, contacts, keys, inquiries)!
-- Keep who was recognised in a batch, and which leads are copies of others.
with contacts as (
    insert into leads.contacts (contact_id, name)
    select
        known.contact_id,
        known.name
    from jsonb_to_recordset(:contacts::jsonb) as known (contact_id bigint, name text)
    on conflict (contact_id) do update
        set name = coalesce(leads.contacts.name, excluded.name)
    returning contact_id
),

keys as (
    insert into leads.contact_keys (kind, value, contact_id)
    select
        known.kind,
        known.value,
        known.contact_id
    from jsonb_to_recordset(:keys::jsonb) as known (kind text, value text, contact_id bigint)
    on conflict do nothing
),

inquiries as (
    insert into leads.inquiries (lead_id, contact_id, received_at, properties, merged_into, merged_at)
    select
        known.lead_id,
        known.contact_id,
        known.received_at,
        known.properties,
        known.merged_into,
        case when known.merged_into is not null then now() end
    from
        jsonb_to_recordset(:inquiries::jsonb)
            as known (
                lead_id bigint, contact_id bigint, received_at timestamptz, properties jsonb, merged_into bigint
            )
    on conflict (lead_id) do update
        set
            contact_id = excluded.contact_id,
            properties = excluded.properties,
            merged_into = excluded.merged_into,
            merged_at = excluded.merged_at
    returning lead_id, merged_into
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    staged.event_id,
    staged.lead_id,
    :batch_id,
    'merged',
    jsonb_build_object('same_as', inquiries.merged_into)
from inquiries
inner join leads.staged_leads as staged on inquiries.lead_id = staged.lead_id
where inquiries.merged_into is not null
on conflict (event_id, kind, batch_id) do nothing;
