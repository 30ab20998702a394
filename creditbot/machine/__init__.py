"""What the operating system offers, made safe: time, processes, logs, exact JSON, protection of this process.

It knows nothing of Slack, Looker or credits.
"""
