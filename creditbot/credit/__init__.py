"""A `Request` becomes an amount: SQL, product, notebook and the credit that the notebook gives.

Computing may be repeated at any time. This folder knows nothing about threads, replies or the state, and reaches Looker
and notebooks only through ports.
"""
