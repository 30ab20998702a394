"""One file per command of `creditbot`: each turns parsed options into an exit code and lines of text.

A command puts parts together and words the result. It decides nothing about credits or replies.
"""
