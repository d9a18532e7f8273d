"""The local ledger. Only this room imports aiosqlite or sqlite3."""
