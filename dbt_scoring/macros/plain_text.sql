-- A message as keywords are looked for in it: small letters, one kind of apostrophe and of hyphen; a long dash is a
-- comma, and so is what looks like our marks.
{% macro plain_text(column) -%}
    translate(lower({{ column }}), '’‘ʼ`´‐‑‒–—‹›', '''''''''''----,,,')
{%- endmacro %}


-- Something that was found in a message, marked.
{% macro marked(text) -%}
    '‹{{ text }}›'
{%- endmacro %}


-- A keyword as a pattern for any case: its words in order, with hyphens of any kind or white space between them.
{% macro keyword_pattern(column) -%}
    regexp_replace(
        regexp_replace(lower(btrim({{ column }})), '([.^$*+?()\[\]{}|\\])', '\\\1', 'g'),
        '[\s-]+', '[\s‐‑‒–-]+', 'g'
    )
{%- endmacro %}


-- Words as they are compared: small letters, one space between them whatever was there.
{% macro joined_words(column) -%}
    regexp_replace(lower(btrim({{ column }})), '[\s‐‑‒–-]+', ' ', 'g')
{%- endmacro %}
