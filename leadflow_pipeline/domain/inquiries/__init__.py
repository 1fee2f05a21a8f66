"""What an inquiry's own words say: features, the local model, facts, masking, answers of a language model.

Pure: text in, values out. Reading the model's file, asking a vendor and writing rows happen elsewhere.
"""
