"""Decides whether SQL may be run, which products it asks for, and when two queries count as the same.

Pure, on sqlglot's parse tree. This folder knows nothing about amounts, and never talks to a warehouse.
"""
