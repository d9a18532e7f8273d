"""IBKR Flex statements: XML files of what an account did, as observations. Reading only, no I/O
beyond the file.

The reader is our own, over expat. ib_insync's FlexReport (no longer maintained) guesses floats and
ints from any text, and ibflex 1.1 (kept again since 2026) refuses a whole file for one unknown
currency or enum value, drops time zones, and builds every section of the file, to give us five.
"""
