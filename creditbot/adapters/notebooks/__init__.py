"""The port `Runner`: sends notebooks and SQL to a child process that runs them, and gives it none of the bot's secrets.

It knows how to start, ask and end that process. What happens inside is the business of `creditbot.notebook_host`, of
which only the wire is known here.
"""
