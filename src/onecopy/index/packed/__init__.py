"""Listed copies, packed: what engines share that keep them in blocks rather than one by one.

blocks   some hundred copies with consecutive keys, packed by columns
merging  merging of a listing into blocks
sizes    entries by size, which lead to the blocks
entries  sorted entries: what is added and removed, and merging of runs of them

An engine decides how blocks and entries are stored and found.
"""
