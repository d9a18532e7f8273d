"""Pictures of every screen, drawn by one command: `python -m tests.pictures`."""
