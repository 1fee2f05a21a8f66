-- Runs that were asked for are counted by themselves, no longer by the events they were asked for.

create table landing.awaited_runs (
    run_number bigint generated always as identity primary key,
    asked_at timestamptz not null
);

comment on table landing.awaited_runs is 'Runs that were asked for and have not claimed a batch yet. One that begins takes the oldest row away; whose run never comes is forgotten.';

alter table landing.events drop column requested_at;
