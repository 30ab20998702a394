"""An amount becomes exactly one reply in its thread, and the owner is told what went wrong.

Decisions here rest on the state and the thread. This folder knows neither SQL nor notebooks, and does not choose which
request comes next.
"""
