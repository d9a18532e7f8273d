"""The dashboard: what the ledger holds, whether it is right, and what changed."""
