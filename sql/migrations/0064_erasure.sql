-- Erasing a person: what is emptied is said in sql/personal_data.yaml; here is how, and what keeps it from coming back.

create table ops.erasures (
    erasure_id bigint generated always as identity primary key,
    person_hash text not null,
    counts jsonb not null,
    erased_at timestamptz not null default now()
);

comment on table ops.erasures is 'One row per erasure: that it was done, when, and how many rows of which table it emptied.';
comment on column ops.erasures.person_hash is 'Salted SHA-256 of the e-mail or phone that was asked for: answers "has this person been erased?" and nothing else.';

create table ops.erasure_salt (
    salt uuid primary key default gen_random_uuid()
);

comment on table ops.erasure_salt is 'One row: what hashes of erased people are made with.';

insert into ops.erasure_salt default values;

create table ops.erased_contents (
    content_hash text primary key,
    erased_at timestamptz not null default now()
);

comment on table ops.erased_contents is 'Tombstones: mails and posts with these bytes are kept empty when they come again.';

create function landing.keep_erased_empty() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    if exists (select from ops.erased_contents as erased where erased.content_hash = new.content_hash) then
        new.raw := '';
        new.headers := '{}';
        new.status := 'ignored';
        new.reason := 'erased at the person''s request';
    end if;
    return new;
end
$$;

comment on function landing.keep_erased_empty is 'What was erased does not come back with a re-read mailbox or a sender that repeats itself.';

create trigger keep_erased_empty
before insert on landing.events
for each row execute function landing.keep_erased_empty();

create function ops.erase_columns(target regclass, key_column text, keys text[], emptied text[]) returns bigint
language plpgsql
as $$
declare
    assignments text;
    key_type text;
    touched bigint;
begin
    select string_agg(
        format(
            '%I = %s', attribute.attname,
            case
                when not attribute.attnotnull then 'null'
                when attribute.atttypid = 'jsonb'::regtype
                    then format('case jsonb_typeof(%I) when ''array'' then ''[]''::jsonb else ''{}''::jsonb end', attribute.attname)
                when attribute.atttypid in ('numeric'::regtype, 'double precision'::regtype) then '0'
                when attribute.attndims > 0 then '''{}'''
                else ''''''
            end
        ), ', '
    ) into assignments
    from pg_attribute as attribute
    where attribute.attrelid = target and attribute.attname = any(emptied);
    select format_type(attribute.atttypid, null) into key_type
    from pg_attribute as attribute
    where attribute.attrelid = target and attribute.attname = key_column;
    execute format('update %s set %s where %I = any($1::%s[])', target, assignments, key_column, key_type) using keys;
    get diagnostics touched = row_count;
    return touched;
end
$$;

comment on function ops.erase_columns is 'Empty these columns of the rows with these keys; gives how many rows.';

create function ops.erase_rows(target regclass, key_column text, keys text[]) returns bigint
language plpgsql
as $$
declare
    key_type text;
    touched bigint;
begin
    select format_type(attribute.atttypid, null) into key_type
    from pg_attribute as attribute
    where attribute.attrelid = target and attribute.attname = key_column;
    execute format('delete from %s where %I = any($1::%s[])', target, key_column, key_type) using keys;
    get diagnostics touched = row_count;
    return touched;
end
$$;

comment on function ops.erase_rows is 'Delete the rows with these keys; gives how many.';
