"""One module per outside system: a plain client that turns the system's errors into permanent or transient ones."""
