"""The environment and `.env` become one checked `Settings` object, or one error that lists every problem.

It opens no connection, and repeats no value in an error.
"""
