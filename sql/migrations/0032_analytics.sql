-- For analysts: a schema that they read and nothing else.

create schema if not exists analytics;

comment on schema analytics is 'What analysts read: built and described by dbt. No name, contact or text of a person.';

-- A database whose owner may not create roles goes without; `leadflow doctor` tells what to ask for.
do $$
begin
    if not exists (select from pg_roles where rolname = 'leadflow_analyst') then
        create role leadflow_analyst nologin;
    end if;
exception
    when insufficient_privilege then
        raise notice 'The role leadflow_analyst is missing: let an administrator run "create role leadflow_analyst nologin".';
    when duplicate_object or unique_violation then
        null; -- another database of the same server was migrated at the same moment
end
$$;

-- The marts look for what has changed since; rows come in about this order, so that a small index finds the place.
create index events_landed on landing.events using brin (landed_at) with (pages_per_range = 32, autosummarize = on);
create index staged_leads_staged on leads.staged_leads using brin (staged_at) with (pages_per_range = 32, autosummarize = on);
create index enriched_leads_enriched on leads.enriched_leads
using brin (enriched_at) with (pages_per_range = 32, autosummarize = on);
create index scored_leads_scored on leads.scored_leads using brin (scored_at) with (pages_per_range = 32, autosummarize = on);
create index assigned_leads_assigned on leads.assigned_leads
using brin (assigned_at) with (pages_per_range = 32, autosummarize = on);
