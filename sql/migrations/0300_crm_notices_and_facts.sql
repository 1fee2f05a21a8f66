-- What a CRM tells us waits in the outbox too: each notice is a question to put to the CRM before it means anything.
-- What vendors tell of a person goes into the CRM's contact, as an effect of its own.

alter table delivery.outbox drop constraint outbox_kind_check;
alter table delivery.outbox add constraint outbox_kind_check check (
    kind in (
        'crm_contact', 'crm_owner', 'crm_note', 'crm_task', 'crm_facts', 'crm_notice',
        'sms', 'slack_card', 'slack_card_update', 'slack_message', 'drip_mail', 'ops_alert'
    )
);

comment on column delivery.outbox.kind is
'crm_contact, crm_owner, crm_note, crm_task, crm_facts: into the CRM; crm_notice: ask the CRM about something that it told has happened; sms: onto the agent''s phone; slack_card, slack_card_update: the claim card; slack_message: to a person; drip_mail: to a lead; ops_alert: to the people who run the pipeline.';

comment on column routing.touches.touched_at is 'When it was; where a CRM told us, the time that the CRM gives.';

alter table routing.touches add column recorded_at timestamptz not null default clock_timestamp();

comment on column routing.touches.recorded_at is 'When we were told.';

create index touches_recorded on routing.touches using brin (recorded_at) with (pages_per_range = 16, autosummarize = on);
