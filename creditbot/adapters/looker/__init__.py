"""Looker by looker_sdk: the SQL of a link.

It knows Looker's links, limits and errors, and not what the SQL is for.
"""
