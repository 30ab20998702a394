"""One file per command of `creditbot`: each turns parsed options into an exit code and lines of text.

A command puts parts together and words the result. It decides nothing about credits or replies. What takes long to
import is imported by the function that needs it, because an idle tick must not pay for the other commands.
"""
