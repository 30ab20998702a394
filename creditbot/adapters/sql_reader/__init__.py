"""Reads SQL in a process that can be ended: some SQL keeps the parser busy without end, or takes all memory.

`process` is the bot's end, and `python -m creditbot.adapters.sql_reader` the process. It holds no secret and no
connection; it gets SQL and returns the result of `creditbot.credit.sql.reading`.
"""
