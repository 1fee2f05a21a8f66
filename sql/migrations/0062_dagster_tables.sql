-- What leadflow asks of Dagster's own tables. As functions, since those tables appear when Dagster first starts.

create function ops.find_daemon_silence() returns double precision
language plpgsql stable
as $$
declare
    silent double precision;
begin
    if to_regclass('dagster.daemon_heartbeats') is null then
        return null;
    end if;
    -- Dagster keeps these times in UTC, without a zone.
    execute 'select extract(epoch from (now() at time zone ''UTC'') - min("timestamp"))
             from dagster.daemon_heartbeats where daemon_type in (''SENSOR'', ''MONITORING'')' into silent;
    return silent;
end
$$;

comment on function ops.find_daemon_silence is 'Seconds since the last sign of life of Dagster''s daemon; null before its first.';

create function ops.prune_dagster(kept interval, most integer) returns integer
language plpgsql
as $$
declare
    runs text [];
begin
    if to_regclass('dagster.runs') is null then
        return 0;
    end if;
    -- The latest run of each asset stays: the UI shows its materialization.
    execute 'select array_agg(run_id) from (
                 select run_id from dagster.runs
                 where status in (''SUCCESS'', ''FAILURE'', ''CANCELED'')
                     and create_timestamp < (now() at time zone ''UTC'') - $1
                     and run_id not in (
                         select last_run_id from dagster.asset_keys where last_run_id is not null
                     )
                 order by id
                 limit $2
             ) as old' into runs using kept, most;
    if runs is null then
        return 0;
    end if;
    execute 'delete from dagster.asset_event_tags where event_id in (
                 select id from dagster.event_logs where run_id = any($1)
             )' using runs;
    execute 'delete from dagster.asset_check_executions where run_id = any($1)
                 and id not in (
                     select max(id) from dagster.asset_check_executions group by asset_key, check_name
                 )' using runs;
    execute 'delete from dagster.event_logs where run_id = any($1)' using runs;
    execute 'delete from dagster.run_tags where run_id = any($1)' using runs;
    execute 'delete from dagster.runs where run_id = any($1)' using runs;
    return cardinality(runs);
end
$$;

comment on function ops.prune_dagster is 'Delete up to `most` ended runs that are older than `kept`, with all that hangs on them; gives how many.';

create function ops.prune_dagster_ticks(kept interval, most integer) returns integer
language plpgsql
as $$
declare
    pruned integer;
begin
    if to_regclass('dagster.job_ticks') is null then
        return 0;
    end if;
    execute 'delete from dagster.job_ticks where id in (
                 select id from dagster.job_ticks
                 where "timestamp" < (now() at time zone ''UTC'') - $1
                 order by id
                 limit $2
             )' using kept, most;
    get diagnostics pruned = row_count;
    return pruned;
end
$$;

comment on function ops.prune_dagster_ticks is 'Delete up to `most` ticks of sensors and schedules that are older than `kept`; gives how many.';
