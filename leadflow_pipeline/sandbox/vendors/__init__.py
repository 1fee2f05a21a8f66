"""Stand-ins for the vendors, one module each: what the vendor documents (shapes, statuses, headers), nothing more.

Latency, failures, limits and the log of calls are the server's business (`sandbox/vendor_server.py`), the same for all.
"""
