-- The drip: a few mails over some weeks to leads whose score is too low for an agent.

create table delivery.drip_sequences (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    track text not null check (track in ('buyer', 'seller', 'renter')),
    consent jsonb not null,
    started_on date not null default current_date,
    next_step integer not null default 0,
    next_on date not null,
    ended_at timestamptz,
    end_reason text check (end_reason in ('replied', 'lead_again', 'unsubscribed', 'bounced', 'over', 'stale')),
    check ((ended_at is null) = (end_reason is null))
);

comment on table delivery.drip_sequences is 'One row per lead that gets, or got, the drip''s mails; a person has one at a time.';
comment on column delivery.drip_sequences.track is 'Which mails: those for buyers, sellers or renters.';
comment on column delivery.drip_sequences.consent is 'What allows us to write: the inquiry itself, where and when it came in, and the source''s own certificate where it sent one.';
comment on column delivery.drip_sequences.next_step is 'The mail that comes next, from 0.';
comment on column delivery.drip_sequences.next_on is 'The weekly round on or after this day sends it.';
comment on column delivery.drip_sequences.end_reason is 'replied: the person wrote back; lead_again: an agent has the person; unsubscribed, bounced: see delivery.suppressions; over: all mails are sent; stale: the drip was off for weeks, and an old inquiry is no reason to write.';

create index drip_sequences_open on delivery.drip_sequences (next_on) where ended_at is null;
create index if not exists normalized_leads_email on leads.normalized_leads (lower(email));

create table delivery.drip_reading (
    is_only boolean primary key default true check (is_only),
    last_event_id bigint not null
);

comment on table delivery.drip_reading is 'Up to which event the inbox was searched for answers to the drip: bounces, replies, complaints. One row.';

insert into delivery.drip_reading (last_event_id) values (0);
