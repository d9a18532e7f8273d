"""Widgets, one to a file."""
