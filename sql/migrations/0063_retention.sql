-- So that what is too old is found without reading everything else.

create index events_raw on landing.events (received_at) where raw <> '';
create index outbox_sent on delivery.outbox (sent_at) where status = 'sent';
create index lead_events_happened on ops.lead_events using brin (happened_at);

comment on column landing.events.raw is 'What arrived, byte by byte. Empty: it came without content, its time is over, or it was erased.';
