"""One run: read the channels, decide what to do, do it, and tell the owner what failed.

Start reading at `tick.py`. It orders the work of the other folders, and knows Slack, Looker and notebooks only by
their ports.
"""
