"""`onecopy bench`: speed of index engines, compared on the same seeded workload.

workload.py     the copies and the queries, all derived from the seed
subject.py      an index under test, and what benchmarks have put into it
measures.py     the calls that are measured
figures.py      percentiles of a round, and medians of several rounds
clients.py      concurrent clients, each in its own process
bench.py        the run: fill the indexes, measure them in turns, repeat for the next size
machine.py      facts about the machine and the software
table.py        results as lines of text and as JSON values
report.py       an HTML page that works offline, and a JSON file
markup.py       HTML elements
"""
