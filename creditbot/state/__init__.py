"""The memory of the bot between ticks: one record per request, changed only by compare-and-swap.

This folder knows what a record may become, but not why.
"""
