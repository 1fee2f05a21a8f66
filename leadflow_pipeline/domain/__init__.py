"""Pure decisions: functions of values, with no I/O, no clock, no environment and no Dagster.

What a mail says, what a phone number is worth, whose turn it is. Pure libraries are welcome here.
"""
