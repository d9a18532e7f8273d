"""A trader's weeks in seconds: the real program against a simulated broker, in virtual time."""
