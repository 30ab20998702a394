"""Slack by slack_sdk: reads channels and threads, posts replies and direct messages.

It knows Slack's shapes, limits and errors, and not what a reply means.
"""
