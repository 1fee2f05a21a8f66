-- Weights that change while leads flow: built and tested beside those in force, put in force in one step, kept for ever.

create table ops.scoring_versions (
    scoring_version_id bigint generated always as identity primary key,
    scoring_version text not null,
    weights jsonb not null,
    keywords jsonb not null,
    thresholds jsonb not null,
    sources jsonb not null,
    in_force_from timestamptz not null default clock_timestamp()
);

comment on table ops.scoring_versions is 'One row each time other weights, keywords, thresholds or source grades came into force.';
comment on column ops.scoring_versions.scoring_version is 'Hash of the four seeds, as leads.scored_leads keeps it. An old content that comes back has its old hash.';
comment on column ops.scoring_versions.weights is 'The rows of the seed scoring_weights.';
comment on column ops.scoring_versions.keywords is 'The rows of the seed scoring_keywords.';
comment on column ops.scoring_versions.thresholds is 'The rows of the seed scoring_thresholds.';
comment on column ops.scoring_versions.sources is 'The rows of the seed scoring_sources.';

create function ops.put_scoring_in_force(next_schema text) returns text
language plpgsql
set lock_timeout = '5s'
as $$
declare
    -- Of what was built and never put in force, by a process that was killed.
    left_over text;
    new_version text;
    old_version text;
begin
    perform pg_advisory_xact_lock(hashtext('ops.put_scoring_in_force'));
    for left_over in
        select nspname from pg_namespace
        where case
            when nspname = 'scoring_before' then true
            when nspname ~ '^scoring_(next|trial)_\d{14}_' and nspname <> next_schema
                then
                    to_timestamp(split_part(nspname, '_', 3), 'YYYYMMDDHH24MISS')::timestamp at time zone 'UTC'
                    < now() - interval '1 hour'
        end
    loop
        execute format('drop schema %I cascade', left_over);
    end loop;
    if to_regnamespace('scoring') is not null then
        alter schema scoring rename to scoring_before;
    end if;
    execute format('alter schema %I rename to scoring', next_schema);
    execute 'select scoring_version from scoring.scoring_version' into new_version;
    select scoring_version into old_version
    from ops.scoring_versions order by scoring_version_id desc limit 1;
    if new_version is distinct from old_version then
        execute 'insert into ops.scoring_versions (scoring_version, weights, keywords, thresholds, sources)
            select
                $1,
                (select coalesce(jsonb_agg(to_jsonb(seed) order by seed.rule), ''[]'') from scoring.scoring_weights as seed),
                (select coalesce(jsonb_agg(to_jsonb(seed) order by seed.keyword), ''[]'') from scoring.scoring_keywords as seed),
                (select coalesce(jsonb_agg(to_jsonb(seed) order by seed.lower), ''[]'') from scoring.scoring_thresholds as seed),
                (select coalesce(jsonb_agg(to_jsonb(seed) order by seed.source), ''[]'') from scoring.scoring_sources as seed)'
        using new_version;
    end if;
    return new_version;
end
$$;

comment on function ops.put_scoring_in_force is 'Renames a schema with tested scoring models to `scoring`; gives their version. A statement under way goes on with the old models: it has found them by then, and they are only dropped by the next call.';

create function ops.drop_trial_scoring(trial_schema text) returns void
language plpgsql
as $$
begin
    if trial_schema !~ '^scoring_(next|trial)_' then
        raise exception 'only scoring models that were never in force can be dropped';
    end if;
    execute format('drop schema if exists %I cascade', trial_schema);
end
$$;

comment on function ops.drop_trial_scoring is 'Drops scoring models that were built beside those in force.';

create function ops.read_trial_scores(trial_schema text, first_lead_id bigint, last_lead_id bigint)
returns table (lead_id bigint, score integer, bucket text)
language plpgsql
stable
as $$
begin
    return query execute format(
        'select lead_id, score, bucket from %I.lead_scores where lead_id between $1 and $2', trial_schema
    ) using first_lead_id, last_lead_id;
end
$$;

comment on function ops.read_trial_scores is 'What the scoring models in a schema would give leads, by range of lead_id.';

-- Who has asked before is found by these.
create index normalized_leads_email on leads.normalized_leads (lower(email)) where email is not null;
create index normalized_leads_phone on leads.normalized_leads (phone_e164) where phone_e164 is not null;

-- What the formula looks at beyond the address; enrichment fills them.
alter table leads.enriched_leads add column if not exists company text;
alter table leads.enriched_leads add column if not exists seniority text;
