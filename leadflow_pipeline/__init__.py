"""leadflow: from every inbound lead of a brokerage to the right agent, within seconds and with a reason.

`domain` decides, `stages` read, decide and write, `adapters` speak to one outside system each;
`defs` (Dagster), `receiver` (HTTP) and `runtime` (processes) only wire them together.
"""
