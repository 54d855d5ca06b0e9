"""The shelf: which networks there are, where they come from, under which licence, and whether they are the right ones.

A network on it is data. It is fetched, checked by sha256 and kept; nothing of it is ever imported or run by the shelf.
To add one, describe it in `known.py`.
"""
