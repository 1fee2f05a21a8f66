"""Who gets a lead: territories, working hours, caps, turns and the claim, all as functions of values.

`decision` is the whole of it; the other modules each hold one idea that it is made of.
"""
