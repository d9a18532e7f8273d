"""Pure values and decisions: no I/O, and nothing imported from outside the standard library."""
