"""Runs a notebook in a process of its own, without the bot's secrets.

It starts and ends processes. What happens inside them is the business of `creditbot.notebook_host`.
"""
