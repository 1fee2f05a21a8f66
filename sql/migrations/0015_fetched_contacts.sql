-- What a vendor tells when it is asked for what its notice only names.

alter table landing.events add column contact bytea;

comment on column landing.events.contact is 'What the vendor answered when it was asked for the person that a notice only names (Meta: the lead, from the Graph API), as it came. Null: not asked, or nothing to ask for. As personal as raw.';
