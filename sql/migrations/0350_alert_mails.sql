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

-- One more kind of effect, beside whichever there are.
do $kinds$
declare
    known text := pg_get_expr(conbin, conrelid) from pg_constraint where conname = 'outbox_kind_check';
begin
    alter table delivery.outbox drop constraint outbox_kind_check;
    execute format(
        'alter table delivery.outbox add constraint outbox_kind_check check (kind = ''alert_mail'' or %s)', known
    );
    execute format(
        'comment on column delivery.outbox.kind is %L',
        (select col_description(attrelid, attnum) from pg_attribute where attrelid = 'delivery.outbox'::regclass and attname = 'kind') || ' alert_mail: the same by mail.'
    );
end
$kinds$;
