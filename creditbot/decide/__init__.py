"""Decides whether a computed amount may be posted, or whether a person decides.

Pure: facts and a policy come in, and reasons, digests and verdicts go out to `answer`. Nothing here reads Slack or the
state.
"""
