"""The broker's side. Only `session` and its neighbours import ib_insync, inside a running loop."""
