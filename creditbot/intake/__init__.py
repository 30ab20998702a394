"""A Slack message becomes a `Request`: its author, its links to Looker, and what its thread already says about it.

Pure. It knows neither SQL nor amounts, and asks neither Slack nor Looker for anything.
"""
