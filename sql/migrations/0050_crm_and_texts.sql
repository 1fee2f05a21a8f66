-- Delivery into the CRM and onto the agent's phone: how each agent is reached, what the vendors made of it, who is left
-- alone.

alter table routing.agents
add column notify_by text[],
add column quiet_hours text;

comment on column routing.agents.notify_by is 'Any of sms, slack. Null: every way that the agent can be reached by.';
comment on column routing.agents.quiet_hours is 'When the agent is left alone, local time, for example 21:00-07:00. Null: never.';

create table delivery.crm_contacts (
    lead_id bigint not null references leads.staged_leads (lead_id),
    crm text not null check (crm in ('followupboss', 'hubspot')),
    contact_id text not null,
    owner_id text,
    written_at timestamptz not null default now(),
    primary key (lead_id, crm)
);

comment on table delivery.crm_contacts is 'One row per lead that is in a CRM: whom the CRM made of it, and the owner we gave the contact last.';
comment on column delivery.crm_contacts.contact_id is 'The CRM''s id of the person; several leads of one person share it.';
comment on column delivery.crm_contacts.owner_id is 'The owner that we wrote. Where the CRM shows another one, a person has changed it, and it stays.';

create index crm_contacts_contact on delivery.crm_contacts (crm, contact_id);

create table delivery.suppressions (
    channel text not null check (channel in ('sms', 'mail')),
    address text not null,
    reason text not null check (reason in ('unsubscribed', 'bounced', 'opted_out', 'by_hand')),
    suppressed_at timestamptz not null default now(),
    primary key (channel, address)
);

comment on table delivery.suppressions is 'Who is left alone on a channel. Looked at when something is sent, and never shortened by the pipeline.';
comment on column delivery.suppressions.address is 'A phone number in E.164, or an e-mail address in small letters.';
comment on column delivery.suppressions.reason is 'unsubscribed: asked us; bounced: the mailbox refuses mail for good; opted_out: answered STOP to the number we text from; by_hand: somebody here did it.';

create table delivery.text_statuses (
    vendor_reference text primary key,
    status text not null,
    error_code text,
    updated_at timestamptz not null default now()
);

comment on table delivery.text_statuses is 'What Twilio last told of each text: queued, sending, sent, delivered, undelivered or failed.';
comment on column delivery.text_statuses.vendor_reference is 'The message''s sid, as in delivery.outbox.';

create table delivery.link_keys (
    is_only boolean primary key default true check (is_only),
    key bytea not null
);

comment on table delivery.link_keys is 'The key that signs links in our texts and mails. One row; a new key makes all links sent before worthless.';

insert into delivery.link_keys (key)
values (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

create index outbox_after on delivery.outbox (after_key) where status = 'pending' and after_key is not null;
