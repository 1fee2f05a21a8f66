-- What arrived, as it arrived. Raw bytes are committed here before anything else happens to them.

create schema landing;

comment on schema landing is 'What arrived, raw and durable.';

create table landing.events (
    event_id bigint generated always as identity primary key,
    channel text not null check (channel in ('email', 'webhook')),
    source text not null,
    external_id text not null,
    received_at timestamptz not null,
    landed_at timestamptz not null default now(),
    content_type text not null,
    headers jsonb not null default '{}',
    raw bytea not null,
    content_hash text not null,
    status text not null default 'pending' check (status in ('pending', 'staged', 'ignored', 'quarantined')),
    reason text,
    requested_at timestamptz,
    batch_id uuid,
    lease_until timestamptz,
    attempts integer not null default 0,
    unique (channel, source, external_id)
);

comment on table landing.events is 'One row per thing that arrived: a mail or a post. Nothing is ever deleted by the pipeline.';
comment on column landing.events.channel is 'email: read from a mailbox; webhook: posted to the receiver.';
comment on column landing.events.source is 'Who sent it. A mail is "inbox" until a rule has recognised it.';
comment on column landing.events.external_id is 'The sender''s own id. A mail: account/folder/UIDVALIDITY/UID. A post: its idempotency key or the hash of its body.';
comment on column landing.events.received_at is 'When it reached us: a mail''s INTERNALDATE, a post''s arrival.';
comment on column landing.events.headers is 'Request headers worth keeping; never a secret.';
comment on column landing.events.content_hash is 'SHA-256 of the raw bytes, hex. The same mail under another UID is known by it.';
comment on column landing.events.status is 'pending: nobody has read it yet; staged: became a lead; ignored: no lead, see reason; quarantined: waits for a person or a new rule, see reason.';
comment on column landing.events.requested_at is 'When a sensor last asked for a run because of this event; keeps two sensors from asking twice.';
comment on column landing.events.batch_id is 'The micro-batch that holds or held it: the root run id in Dagster.';
comment on column landing.events.lease_until is 'Until when the batch holds it. In the past: the worker is lost and another run may take it. Null: nobody holds it.';
comment on column landing.events.attempts is 'How many batches have claimed it.';

-- A mail's source changes when a rule recognises it; its identity does not.
create unique index events_email_identity on landing.events (external_id) where channel = 'email';
create index events_email_content on landing.events (content_hash) where channel = 'email';
create index events_open on landing.events (received_at) where status = 'pending' or lease_until is not null;
create index events_received on landing.events (received_at);

create table landing.mailboxes (
    account text not null,
    folder text not null,
    uidvalidity bigint not null,
    last_uid bigint not null,
    read_since date not null,
    checked_at timestamptz not null default now(),
    primary key (account, folder)
);

comment on table landing.mailboxes is 'How far each mailbox has been read.';
comment on column landing.mailboxes.last_uid is 'The highest UID that is landed, within uidvalidity.';
comment on column landing.mailboxes.read_since is 'Mails from before this day were in the mailbox when it was first read, and are left alone.';
comment on column landing.mailboxes.checked_at is 'When the mailbox last answered.';
