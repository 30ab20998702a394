"""The port `Runner`: sends notebooks and SQL to a child process that runs them, and gives it none of the bot's secrets.

It knows how to start, ask and end that process, and the wire of `creditbot.notebook_host`. It does not know how a
notebook is run.
"""
