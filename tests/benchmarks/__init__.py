"""Side-by-side measurements: the floor, what users would have otherwise, and this program.

`python -m tests.benchmarks` runs them; README, "Speed", tells how to read the table. Nothing in the
test suite asserts a time: machines differ, and what they share with others differs by the minute.
"""
