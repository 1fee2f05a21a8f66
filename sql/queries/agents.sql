-- name: list_agents()
-- All agents in the order they joined, with what they were given.
select
    agent.agent_id,
    agent.name,
    agent.email,
    agent.phone,
    agent.slack_id,
    agent.crm_ids,
    agent.active,
    agent.weight,
    agent.territories,
    agent.price_low,
    agent.price_high,
    agent.lead_types,
    agent.languages,
    agent.listings,
    agent.time_zone,
    agent.working_hours,
    agent.time_off,
    agent.cap_open,
    agent.cap_per_day,
    agent.paused,
    agent.pause_reason,
    agent.rotation_order,
    (
        select count(*) from leads.assigned_leads as assigned
        where assigned.agent_id = agent.agent_id
    ) as leads_assigned
from routing.agents as agent
order by agent.rotation_order;

-- name: write_agents(rows)!
-- Add or change agents; those who are known keep their place, and what a file does not name (null) stays as it is.
insert into routing.agents (
    agent_id,
    name,
    email,
    phone,
    active,
    slack_id,
    crm_ids,
    weight,
    territories,
    price_low,
    price_high,
    lead_types,
    languages,
    listings,
    time_zone,
    working_hours,
    time_off,
    cap_open,
    cap_per_day
)
select
    agent.agent_id,
    agent.name,
    agent.email,
    agent.phone,
    coalesce(agent.active, known.active, true),
    case when agent.given ? 'slack_id' then agent.slack_id else known.slack_id end,
    case when agent.given ? 'crm_ids' then agent.crm_ids else coalesce(known.crm_ids, '{}') end,
    coalesce(agent.weight, known.weight, 1),
    coalesce(agent.territories, known.territories, '{}'),
    case when agent.given ? 'price_low' then agent.price_low else known.price_low end,
    case when agent.given ? 'price_high' then agent.price_high else known.price_high end,
    coalesce(agent.lead_types, known.lead_types, '{}'),
    coalesce(agent.languages, known.languages, '{}'),
    coalesce(agent.listings, known.listings, '{}'),
    coalesce(agent.time_zone, known.time_zone, 'UTC'),
    coalesce(agent.working_hours, known.working_hours, ''),
    coalesce(agent.time_off, known.time_off, ''),
    case when agent.given ? 'cap_open' then agent.cap_open else known.cap_open end,
    case when agent.given ? 'cap_per_day' then agent.cap_per_day else known.cap_per_day end
from
    jsonb_to_recordset(:rows::jsonb)
        as agent (
            row_number integer,
            given jsonb,
            agent_id text,
            name text,
            email text,
            phone text,
            active boolean,
            slack_id text,
            crm_ids jsonb,
            weight integer,
            territories text[],
            price_low numeric,
            price_high numeric,
            lead_types text[],
            languages text[],
            listings text[],
            time_zone text,
            working_hours text,
            time_off text,
            cap_open integer,
            cap_per_day integer
        )
left join routing.agents as known on agent.agent_id = known.agent_id
order by agent.row_number
on conflict (agent_id) do update
    set
        name = excluded.name,
        email = excluded.email,
        phone = excluded.phone,
        active = excluded.active,
        slack_id = excluded.slack_id,
        crm_ids = excluded.crm_ids,
        weight = excluded.weight,
        territories = excluded.territories,
        price_low = excluded.price_low,
        price_high = excluded.price_high,
        lead_types = excluded.lead_types,
        languages = excluded.languages,
        listings = excluded.listings,
        time_zone = excluded.time_zone,
        working_hours = excluded.working_hours,
        time_off = excluded.time_off,
        cap_open = excluded.cap_open,
        cap_per_day = excluded.cap_per_day,
        updated_at = now();

-- name: find_slack_id_holder(rows)^
-- Somebody who has the Slack id that a file gives to somebody else, and is not in that file with another one.
select
    asked.row_number,
    agent.agent_id
from jsonb_to_recordset(:rows::jsonb) as asked (row_number integer, agent_id text, slack_id text)
inner join routing.agents as agent on asked.slack_id = agent.slack_id and asked.agent_id <> agent.agent_id
order by asked.row_number;

-- name: pause_agent(agent_id, paused, reason)!
-- Let an agent be given nothing for the time being, or everything again.
update routing.agents
set
    paused = :paused,
    pause_reason = :reason,
    resumed_at = case when :paused then resumed_at else now() end,
    updated_at = now()
where agent_id = :agent_id;

-- name: count_agents()$
-- How many agents there are, active or not.
select count(*) from routing.agents;

-- name: count_active_agents()$
-- How many agents take leads.
select count(*) from routing.agents
where active;
