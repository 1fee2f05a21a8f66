-- name: list_agents()
-- All agents in rotation order, with what they were given.
select
    agent.agent_id,
    agent.name,
    agent.email,
    agent.phone,
    agent.active,
    agent.rotation_order,
    (
        select count(*) from leads.assigned_leads as assigned
        where assigned.agent_id = agent.agent_id
    ) as leads_assigned
from routing.agents as agent
order by agent.rotation_order;

-- name: list_active_agents()
-- Who takes leads, in rotation order.
select
    agent_id,
    rotation_order
from routing.agents
where active
order by rotation_order;

-- name: write_agents(rows)!
-- Add or change agents; those who are known keep their place in the rotation.
insert into routing.agents (agent_id, name, email, phone, active)
select
    agent.agent_id,
    agent.name,
    agent.email,
    agent.phone,
    agent.active
from
    jsonb_to_recordset(:rows::jsonb)
        as agent (row_number integer, agent_id text, name text, email text, phone text, active boolean)
order by agent.row_number
on conflict (agent_id) do update
    set
        name = excluded.name,
        email = excluded.email,
        phone = excluded.phone,
        active = excluded.active,
        updated_at = now();

-- name: count_agents()$
-- How many agents there are, active or not.
select count(*) from routing.agents;

-- name: count_active_agents()$
-- How many agents take leads.
select count(*) from routing.agents
where active;
