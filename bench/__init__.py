"""Measures what creditbot costs, beside what the same work costs without it: `python -m bench`.

It imports nothing from the tests; they may import it.
"""
