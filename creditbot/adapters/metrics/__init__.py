"""Where the metrics of a tick go: a file, a Pushgateway, or a page that Prometheus scrapes.

A page of metrics comes in as text; nothing comes back. None of them ever fails a tick: the caller logs their errors.
"""
