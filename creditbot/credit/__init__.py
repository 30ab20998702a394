"""A `Request` becomes an amount: SQL, product, notebook and the credit that the notebook gives.

It may be repeated at any time. It knows nothing of threads, replies or the state, and reaches Looker and notebooks
only by ports.
"""
