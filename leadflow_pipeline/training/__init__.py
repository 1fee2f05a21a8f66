"""How the local model of inquiries came to be: the texts, the comparison, the training, the report. Needs the dev extra.

Nothing of this runs with the pipeline, which only reads the weights.
"""
