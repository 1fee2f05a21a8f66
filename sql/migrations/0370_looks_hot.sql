-- Which events are taken first when more wait than the next batches hold.

alter table landing.events add column looks_hot boolean not null default false;

comment on column landing.events.looks_hot is 'Whether its bytes name what hot leads name. A guess, made as it lands; it gives a head start of half a minute in the queue and decides nothing else.';
