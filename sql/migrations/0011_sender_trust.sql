-- A lead whose mail could not prove that it is from the portal it claims.

alter table leads.normalized_leads add column sender_unproven boolean not null default false;

comment on column leads.normalized_leads.sender_unproven is 'The mail claims a portal, and our receiving host found that the portal does not stand behind it. The lead is worked on, but never hot by itself.';
