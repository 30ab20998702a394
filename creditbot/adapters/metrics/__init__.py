"""Where the metrics of a tick go: a file, or a Pushgateway.

A page of metrics comes in as text; nothing comes back. Neither ever fails a tick: what calls them logs their errors.
"""
