-- A changed layout is told with the number of mails that wait for it; history must not make that slow.

create index events_quarantined_by_source on landing.events (source) where status = 'quarantined';
