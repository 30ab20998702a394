"""What the bot remembers between ticks: one record per request, changed only by compare-and-swap.

It knows what a record may become, and nothing of why it does.
"""
