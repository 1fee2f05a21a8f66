"""Local stand-ins for outside systems and invented leads, for a stack without accounts and for tests."""
