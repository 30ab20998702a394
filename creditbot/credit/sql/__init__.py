"""Whether SQL may be run, and when two queries count as the same.

Pure, on sqlglot's parse tree. It knows neither products nor amounts, and never talks to a warehouse.
"""
