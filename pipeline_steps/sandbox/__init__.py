"""The sandbox pod: runs code that a model wrote, and says only what it did. Standard library alone.

    server.py     HTTP API, token; sessions.py, pool.py  (holds the token, never runs a candidate)
    worker.py     one process a slot: takes requests, watches, answers
    zygote.py     one process a slot: forks, kills, sweeps up; never sees code, arguments or results
    execution.py  one candidate seen from outside: its pipes, its limits, how it ended
    folders.py    where it may write, and how much
    jail.py       what a forked process gives up before it runs the candidate
    candidate.py  the candidate seen from inside: load, call, answer
    wire.py       values as JSON of plain built-in types

Expected values never come here: the judge, in another pod, compares. A candidate that forges its
result channel can therefore only say what it could have returned anyway.
"""
