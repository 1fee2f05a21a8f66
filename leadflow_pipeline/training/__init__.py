"""How the local model of inquiries came to be: texts, comparison, training, report. Needs the dev extra.

Nothing of this runs with the pipeline, which only reads the weights.
"""
