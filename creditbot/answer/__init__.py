"""An amount becomes exactly one reply in its thread, and the owner hears of what went wrong.

It decides by the state and the thread. It knows neither SQL nor notebooks, and does not choose which request comes
next.
"""
