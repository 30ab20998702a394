"""What can be learnt from the requests of the past, read from the state, the summaries and Slack.

It writes nothing and posts nothing: it may not know `creditbot.answer`, nor call a port that changes anything.
"""
