-- A pattern for places where a marked keyword is denied, in English or Spanish; what it finds does not count.
--
-- Denied is a keyword that follows, within its clause,
--   * a strong denial (not, never, aren't, haven't, neither, nunca ...) with up to three words between, of which none
--     begins something new (but, I'm, we ...): "not pre-approved yet", "never been pre-approved";
--   * a weak one (no, non, without, sin) directly or after an article or a form of to be: "no cash buyer",
--     "no soy inversionista"; else "no contingency cash buyer" would be a denial;
-- with all that an "or" adds: "not an investor or a cash buyer"; and one that is answered with no, as forms write it:
-- "Pre-approved: No". "Not only", "not just" and "don't need" deny nothing.
{% macro denied_pattern() -%}
    {%- set word = "[\w''$%&/‹›-]+" -%}
    {%- set keyword = "‹[^‹›]*›" -%}
    {%- set harmless = "\s+(?:only|just|merely|simply|solo|solamente|need|worry|hesitate|wait|mind|forget)\M" -%}
    {%- set strong = "(?:\w+n''t|" ~ missing_apostrophe() ~ "|cannot|not|never|neither|nor|nunca|tampoco|jam[aá]s|ni)" -%}
    {%- set something_new = "(?:but|and|i|i''m|i''ve|we|we''re|we''ve|as|because|so|pero|y|soy|somos|estoy|estamos)\M" -%}
    {%- set between_strong = "(?:(?!" ~ something_new ~ ")" ~ word ~ "\s+){0,3}" -%}
    {%- set article = "longer|a|an|any|the|real|soy|somos|estoy|estamos|es|un|una|he|hemos|sido|est[aá]|fui" -%}
    {%- set weak = "(?:no|non|without|sin)(?:\s+|-)(?:(?:" ~ article ~ ")\s+){0,3}" -%}
    {%- set added = "(?:,?\s*\m(?:or|nor|ni|o)\s+(?:" ~ word ~ "\s+){0,2}" ~ keyword ~ ")*" -%}
    {%- set answered = "\s*[:=?]+\s*(?:no|not|none|n/a|false|nope)\M(?!\s+problem)" -%}
    '\m(?:{{ strong }}(?!{{ harmless }})\s+{{ between_strong }}|{{ weak }}){{ keyword }}{{ added }}|{{ keyword }}{{ answered }}'
{%- endmacro %}


-- A quick pattern that is found wherever denied_pattern could be.
{% macro any_denial_pattern() -%}
    ('\m(?:not?|non[e-]?|nope|never|cannot|neither|nor|without|sin|nunca|tampoco|jam[aá]s|ni|n/a|false)\M|n[''’‘ʼ`´]t\M'
    || '|\m{{ missing_apostrophe() }}\M')
{%- endmacro %}


-- Denials as they are typed in haste.
{% macro missing_apostrophe() -%}
    (?:do|does|did|is|are|was|were|have|has|had|wo|ca|could|would|should)nt
{%- endmacro %}
