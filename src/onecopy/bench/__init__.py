"""`onecopy bench`: how fast indexes are, beside each other, on the same seeded workload.

workload.py     which copies, and what is asked of them: all of it follows from the seed
subject.py      an index under test: never one that is in use; what was put into it, and out again
measures.py     what is measured: a table
figures.py      percentiles, rounds, and what is made of them
clients.py      many clients at once, each a process
bench.py        the run: fill, measure in turns, tidy up
machine.py      what the figures were measured on
table.py        a line a result, for people and for programs
report.py       a page that opens offline, and the JSON beside it
chart.py        its charts, as SVG
"""
