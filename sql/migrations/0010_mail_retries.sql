-- Mails that a server has and does not give are asked for again.

alter table landing.events add column fetch_tried_at timestamptz;

comment on column landing.events.fetch_tried_at is 'When a mail that came without its content was last asked for again.';

create index events_unfetched on landing.events (landed_at)
where channel = 'email' and status = 'quarantined' and raw = '';
