-- What the pipeline has to tell the outside world, written in the transaction that caused it.

create schema delivery;

comment on schema delivery is 'Effects on the outside world, on their way.';

create table delivery.outbox (
    outbox_id bigint generated always as identity primary key,
    idempotency_key text not null unique,
    kind text not null check (kind in ('ops_alert')),
    lead_id bigint references leads.staged_leads (lead_id),
    payload jsonb not null default '{}',
    status text not null default 'pending' check (status in ('pending', 'sent', 'set_aside')),
    created_at timestamptz not null default now()
);

comment on table delivery.outbox is 'One row per effect. The same effect is written once, whoever asks for it how often.';
comment on column delivery.outbox.idempotency_key is 'Names the effect; made from its cause, so that the same cause gives the same key.';
comment on column delivery.outbox.kind is 'ops_alert: a line for the people who run the pipeline.';
comment on column delivery.outbox.status is 'pending: not delivered yet; sent: done; set_aside: given up, see the alert.';

create index outbox_pending on delivery.outbox (created_at) where status = 'pending';
