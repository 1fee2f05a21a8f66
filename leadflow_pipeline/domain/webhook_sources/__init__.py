"""The sources that push leads to us, one small module each; `registry` lists them, `source` says what one is.

Pure: bytes, headers, secrets and the time come in, a reading or a refusal comes out. Storing is the receiver's
work, and what a lead is worth is decided further on: no payload sets a score, an owner or a status.
"""
