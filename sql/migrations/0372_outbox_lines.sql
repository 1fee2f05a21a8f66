-- Each vendor's effects are found without passing by those of the others: a CRM's backlog is thousands of rows.

alter table delivery.outbox add column vendor text not null generated always as (
    case
        when kind like 'crm\_%' then 'crm'
        when kind like 'slack\_%' or kind = 'ops_alert' then 'slack'
        when kind like '%\_mail' then 'smtp'
        when kind = 'sms' then 'twilio'
        else kind
    end
) stored;

comment on column delivery.outbox.vendor is 'Whose line it waits in, by its kind: crm, slack, twilio, smtp.';

drop index delivery.outbox_due;
create index outbox_due on delivery.outbox (vendor, due_at, outbox_id) where status = 'pending';
