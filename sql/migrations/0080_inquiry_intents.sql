-- What an inquiry's own words say, and what a language model makes of the same words later.

create table leads.inquiry_intents (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    batch_id uuid not null,
    text_hash text not null,
    intent text not null,
    sentiment text not null,
    readiness smallint not null,
    confidence double precision not null,
    model text not null,
    local_intent text not null,
    local_sentiment text not null,
    local_readiness smallint not null,
    local_confidence double precision not null,
    local_model text not null,
    llm_intent text,
    llm_sentiment text,
    llm_readiness smallint,
    llm_confidence double precision,
    llm_model text,
    llm_judged_at timestamptz,
    timeframe text,
    financing text,
    budget_low numeric,
    budget_high numeric,
    budget_is_monthly boolean not null default false,
    bedrooms smallint,
    areas jsonb not null default '[]',
    must_haves jsonb not null default '[]',
    judged_at timestamptz not null default now(),
    check (
        intent in (
            'buy_now', 'buy_later', 'sell', 'rent', 'invest', 'tour_request', 'financing', 'browsing', 'not_a_lead'
        )
    ),
    check (sentiment in ('positive', 'neutral', 'negative')),
    check (readiness between 0 and 3),
    check (confidence between 0 and 1)
);

comment on table leads.inquiry_intents is
'One row per lead with a message: what its own words say. A lead without a row said nothing.';
comment on column leads.inquiry_intents.text_hash is 'SHA-256 of the message as it is sent to a language model.';
comment on column leads.inquiry_intents.intent is 'The verdict in force: the language model''s where it has answered, else the local model''s.';
comment on column leads.inquiry_intents.readiness is '0 no intention, 1 someday or curious, 2 within months, 3 now.';
comment on column leads.inquiry_intents.confidence is 'How sure the judge is of the intent, 0 to 1; of the local model calibrated.';
comment on column leads.inquiry_intents.model is 'The judge in force and its version.';
comment on column leads.inquiry_intents.llm_intent is 'What the language model said; null until it has answered, and for ever where none is configured.';
comment on column leads.inquiry_intents.llm_readiness is 'As the language model said it. In force it is at most one above the local model''s.';
comment on column leads.inquiry_intents.timeframe is 'The words of the message that name a time.';
comment on column leads.inquiry_intents.financing is 'cash, approved, not_approved, va, fha, usda or needs_lender, as stated.';
comment on column leads.inquiry_intents.budget_high is 'US dollars as stated in the message; a month''s rent where budget_is_monthly.';
comment on column leads.inquiry_intents.areas is 'Places named in the message.';

create index inquiry_intents_batch on leads.inquiry_intents (batch_id);
create index inquiry_intents_text on leads.inquiry_intents (text_hash);
create index inquiry_intents_judged on leads.inquiry_intents (judged_at);

create table leads.inquiry_questions (
    text_hash text not null,
    model text not null,
    status text not null default 'pending' check (status in ('pending', 'answered', 'set_aside')),
    attempts integer not null default 0,
    due_at timestamptz not null default now(),
    reason text,
    intent text,
    sentiment text,
    readiness smallint,
    confidence double precision,
    cost numeric not null default 0,
    asked_at timestamptz,
    primary key (text_hash, model)
);

comment on table leads.inquiry_questions is
'One row per text and language model: what it was asked and answered, so that the same words are paid for once. No text.';
comment on column leads.inquiry_questions.model is 'The language model with the versions of prompt and schema.';
comment on column leads.inquiry_questions.status is 'pending: due at due_at; answered: a cached verdict; set_aside: the local model''s verdict stays.';
comment on column leads.inquiry_questions.reason is 'Why there is no answer yet or ever: refused, malformed, time-out … never the lead''s words.';
comment on column leads.inquiry_questions.cost is 'US dollars, by the tokens that the vendor reported.';

create index inquiry_questions_due on leads.inquiry_questions (due_at) where status = 'pending';
