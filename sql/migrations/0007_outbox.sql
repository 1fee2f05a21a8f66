-- The outbox learns to be delivered: when, by whom at the moment, how often it was tried, and what the vendor answered.

alter table delivery.outbox drop constraint outbox_kind_check;
alter table delivery.outbox add constraint outbox_kind_check check (
    kind in (
        'crm_contact', 'crm_owner', 'crm_note', 'crm_task',
        'sms', 'slack_card', 'slack_card_update', 'slack_message', 'drip_mail', 'ops_alert'
    )
);

alter table delivery.outbox
add column agent_id text references routing.agents (agent_id),
add column due_at timestamptz not null default now(),
add column after_key text,
add column attempts integer not null default 0,
add column lease_until timestamptz,
add column lease_token uuid,
add column last_error text,
add column vendor_reference text,
add column sent_at timestamptz;

comment on column delivery.outbox.kind is
'crm_contact, crm_owner, crm_note, crm_task: into the CRM; sms: onto the agent''s phone; slack_card, slack_card_update: the claim card; slack_message: to a person; drip_mail: to a lead; ops_alert: to the people who run the pipeline.';
comment on column delivery.outbox.payload is
'Ids and decisions. Facts about the person are read when it is sent, so that they are the latest and are erased in one place.';
comment on column delivery.outbox.agent_id is 'The agent it is for, where it is for one.';
comment on column delivery.outbox.due_at is 'Not before this: its first time, or the next try.';
comment on column delivery.outbox.after_key is 'The idempotency key of an effect that has to be sent first.';
comment on column delivery.outbox.attempts is 'How often it was tried.';
comment on column delivery.outbox.lease_until is
'Until when a deliverer holds it. In the past while pending: that deliverer is lost, and whether the vendor acted is not known.';
comment on column delivery.outbox.lease_token is 'Which attempt holds it; a deliverer that lost its lease marks nothing.';
comment on column delivery.outbox.last_error is 'What the last failed try came to; never the lead''s own words.';
comment on column delivery.outbox.vendor_reference is 'What the vendor calls what it made: the id to find or to change it by.';

drop index delivery.outbox_pending;
create index outbox_due on delivery.outbox (due_at) where status = 'pending';
create index outbox_lead on delivery.outbox (lead_id);
