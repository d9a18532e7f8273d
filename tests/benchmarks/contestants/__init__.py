"""Small programs that are measured beside this one: the floors, and what users have otherwise."""
