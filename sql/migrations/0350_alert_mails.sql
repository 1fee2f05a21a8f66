-- Alerts by mail: what people were told that way. A mail cannot be changed, so only beginning and end are told.

alter table ops.alerts
add column mailed_as text check (mailed_as in ('lasting', 'over')),
add column mailed_at timestamptz,
add column mail_queued_at timestamptz,
add column mailings integer not null default 0;

comment on column ops.alerts.mailed_as is 'What the last mail said. lasting: it lasts; over: it is over. Null: no mail told of it.';
comment on column ops.alerts.mailed_at is 'When the last mail went out: the next one waits a while.';
comment on column ops.alerts.mail_queued_at is 'When a mail was last given to the outbox.';
comment on column ops.alerts.mailings is 'How many mails were given to the outbox: part of the effect''s key.';

create index outbox_alerts on delivery.outbox (created_at) where kind = 'ops_alert';

-- One more kind of effect.
alter table delivery.outbox drop constraint outbox_kind_check;
alter table delivery.outbox add constraint outbox_kind_check check (
    kind in (
        'crm_contact', 'crm_owner', 'crm_note', 'crm_task', 'crm_facts', 'crm_notice',
        'sms', 'slack_card', 'slack_card_update', 'slack_message', 'drip_mail', 'ops_alert', 'alert_mail'
    )
);

comment on column delivery.outbox.kind is
'crm_contact, crm_owner, crm_note, crm_task, crm_facts: into the CRM; crm_notice: ask the CRM about something that it told has happened; sms: onto the agent''s phone; slack_card, slack_card_update: the claim card; slack_message: to a person; drip_mail: to a lead; ops_alert: to the people who run the pipeline; alert_mail: the same by mail.';
