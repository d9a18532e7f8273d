"""The sync: one at a time, on evidence only, and independent of any host or screen."""
