"""The ports on real services: each adapter turns a vendor's shapes and errors into ours.

An adapter decides nothing about requests, and no adapter knows another.
"""
