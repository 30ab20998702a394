"""Makes the summary of a request, which shows where its amount came from and how it ended.

Pure: it turns values into documents and back. It does not know where they are stored, and decides nothing.
"""
