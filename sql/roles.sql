-- Roles with no more rights than their part needs, and their time-outs. Run after every migration, again and again; who
-- may not create roles (a hosted database) is told by a notice, and everything goes on as one user.
-- They are groups without a log-in: `create role receiver_1 login password '…' in role leadflow_receiver;`

do $roles$
declare
    part text;
    place text;
begin
    foreach part in array array['leadflow_pipeline', 'leadflow_receiver'] loop
        if not exists (select from pg_roles where rolname = part) then
            begin
                execute format('create role %I nologin', part);
            exception
                when duplicate_object or unique_violation then null; -- another database of this server was quicker
            end;
        end if;
    end loop;

    -- The pipeline works on all of our tables and on Dagster's, and changes no table.
    foreach place in array array['landing', 'leads', 'routing', 'delivery', 'vendors', 'ops', 'scoring', 'dagster'] loop
        if exists (select from pg_namespace where nspname = place) then
            execute format('grant usage on schema %I to leadflow_pipeline', place);
            execute format('grant select, insert, update, delete on all tables in schema %I to leadflow_pipeline', place);
            execute format('grant usage on all sequences in schema %I to leadflow_pipeline', place);
            execute format('grant execute on all functions in schema %I to leadflow_pipeline', place);
        end if;
    end loop;
    grant create on schema dagster to leadflow_pipeline;
    -- dbt makes its views after this, and anew with every change.
    alter default privileges grant usage on schemas to leadflow_pipeline;
    alter default privileges grant select, insert, update, delete on tables to leadflow_pipeline;
    alter default privileges grant usage on sequences to leadflow_pipeline;

    -- The receiver stores what arrives. It reads of it what it needs to know a repeat, and no table of leads.
    grant usage on schema landing to leadflow_receiver;
    grant select, insert, update on landing.events to leadflow_receiver;

    alter role leadflow_pipeline set statement_timeout = '30s';
    alter role leadflow_pipeline set lock_timeout = '10s';
    alter role leadflow_pipeline set idle_in_transaction_session_timeout = '60s';
    alter role leadflow_receiver set statement_timeout = '5s';
    alter role leadflow_receiver set lock_timeout = '2s';
    alter role leadflow_receiver set idle_in_transaction_session_timeout = '10s';
exception
    when insufficient_privilege then
        raise notice 'leadflow''s roles were not set up: this user may not create roles';
end
$roles$;
