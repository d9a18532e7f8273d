-- The ledger, version 1. Amounts of money are whole micro-units (1e-6 of the currency), quantities
-- and prices canonical decimal text, times UTC ISO text of one width. Views show plain numbers.

-- What the ledger is about: environment, cost_method, created_at, rules
-- (the version of the rules by which lives and entries follow from the inbox).
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('accepted', 'waiting')),
    first_seen_at TEXT NOT NULL,
    baseline_at TEXT,
    last_synced_at TEXT
);

-- Everything that was observed or decided, once each, in order of arrival. Append-only: all that
-- follows can be rebuilt from it.
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    con_id INTEGER,
    exec_id TEXT,
    identity TEXT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    received_at TEXT NOT NULL
);
CREATE INDEX inbox_by_key ON inbox (account, con_id, seq) WHERE con_id IS NOT NULL;
CREATE INDEX inbox_commissions ON inbox (exec_id, seq) WHERE kind = 'commission';
CREATE INDEX inbox_losses ON inbox (seq) WHERE kind = 'connectivity_lost';

CREATE TABLE instruments (
    con_id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    description TEXT NOT NULL,
    sec_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    multiplier TEXT NOT NULL,
    unit_value TEXT NOT NULL,
    instrument TEXT NOT NULL
);

-- The fills of the inbox, laid out for queries; see the view `fills`.
CREATE TABLE executions (
    seq INTEGER PRIMARY KEY REFERENCES inbox (seq),
    account TEXT NOT NULL,
    exec_id TEXT NOT NULL,
    base_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    con_id INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    time TEXT NOT NULL,
    raw_time TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    perm_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    exchange TEXT NOT NULL,
    UNIQUE (account, exec_id)
);
CREATE INDEX executions_by_key ON executions (account, con_id, time);
CREATE INDEX executions_by_base ON executions (account, base_id, revision);
CREATE INDEX executions_by_exec ON executions (exec_id);
CREATE INDEX executions_by_time ON executions (time);

-- The latest commission report of each execution, whether or not the execution came yet.
CREATE TABLE commissions (
    exec_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL REFERENCES inbox (seq),
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    broker_realized_pnl TEXT
) WITHOUT ROWID;

-- Where each position stands in the inbox. `planned_seq` is what plans have taken up;
-- `decided_from` to `decided_to` are decisions of the last plan that stand behind observations
-- which came while it was made, and which it therefore has not seen.
CREATE TABLE known (
    account TEXT NOT NULL,
    con_id INTEGER NOT NULL,
    latest_seq INTEGER NOT NULL,
    planned_seq INTEGER NOT NULL DEFAULT 0,
    decided_from INTEGER,
    decided_to INTEGER,
    anchor_row TEXT,
    anchor_as_of TEXT,
    is_absent INTEGER NOT NULL DEFAULT 0,
    zero_pushed_at TEXT,
    zero_pushed_seq INTEGER NOT NULL DEFAULT 0,
    presence_seq INTEGER NOT NULL DEFAULT 0,
    last_push TEXT,
    without_pnl INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, con_id)
) WITHOUT ROWID;
CREATE INDEX known_touched ON known (account, con_id) WHERE latest_seq > planned_seq;

CREATE TABLE absences (
    account TEXT NOT NULL,
    con_id INTEGER NOT NULL,
    confirmations INTEGER NOT NULL,
    confirmed_at TEXT NOT NULL,
    PRIMARY KEY (account, con_id)
) WITHOUT ROWID;

CREATE TABLE sync_runs (
    id INTEGER PRIMARY KEY,
    "trigger" TEXT NOT NULL,
    started_at TEXT NOT NULL,
    duration_ms REAL NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    positions_seen INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    missing INTEGER NOT NULL
);

-- The sums over sync_runs, kept along with them.
CREATE TABLE sync_stats (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    total_syncs INTEGER NOT NULL,
    successful_syncs INTEGER NOT NULL,
    failed_syncs INTEGER NOT NULL,
    positions_created INTEGER NOT NULL,
    positions_updated INTEGER NOT NULL,
    positions_closed INTEGER NOT NULL,
    last_sync_time TEXT,
    last_error TEXT,
    last_duration_ms REAL
);
INSERT INTO sync_stats VALUES (1, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL);

-- A committed snapshot, where it differed from the one before: its digest, and its decisions in
-- the inbox.
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES sync_runs (id),
    as_of TEXT NOT NULL,
    accounts TEXT NOT NULL,
    digest TEXT NOT NULL,
    positions_seen INTEGER NOT NULL,
    decided INTEGER NOT NULL,
    decided_from INTEGER,
    decided_to INTEGER
);

CREATE TABLE lives (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (code),
    con_id INTEGER NOT NULL,
    origin TEXT NOT NULL,
    symbol TEXT NOT NULL,
    description TEXT NOT NULL,
    sec_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    multiplier TEXT NOT NULL,
    unit_value TEXT NOT NULL,
    quantity TEXT NOT NULL,
    average_cost TEXT,
    average_price TEXT,
    status TEXT NOT NULL CHECK (status IN ('OPEN', 'MISSING', 'CLOSED')),
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    missing_since TEXT,
    close_reason TEXT NOT NULL,
    row TEXT
);
CREATE INDEX lives_by_key ON lives (account, con_id, opened_at);
CREATE INDEX lives_closed_as_missing ON lives (closed_at) WHERE close_reason = 'confirmed_missing';
CREATE INDEX lives_ended_without_fills ON lives (closed_at)
    WHERE close_reason IN ('zero_row', 'confirmed_missing');
CREATE INDEX lives_current ON lives (account, con_id) WHERE status <> 'CLOSED';

-- Lots of the lives, first in first out; `is_pool` marks the one merged lot of average cost.
CREATE TABLE lots (
    life_id INTEGER NOT NULL REFERENCES lives (id),
    is_pool INTEGER NOT NULL,
    place INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    value_micros INTEGER,
    fees TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    cause TEXT NOT NULL,
    is_seeded INTEGER NOT NULL,
    is_pending INTEGER NOT NULL,
    PRIMARY KEY (life_id, is_pool, place)
) WITHOUT ROWID;

-- Realized P&L by both cost methods. Append-only: what better evidence undoes gets a REVERSAL.
CREATE TABLE realized_entries (
    id INTEGER PRIMARY KEY,
    life_id INTEGER NOT NULL REFERENCES lives (id),
    account TEXT NOT NULL,
    con_id INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    description TEXT NOT NULL,
    sec_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    method TEXT NOT NULL CHECK (method IN ('average', 'fifo')),
    cause TEXT NOT NULL,
    kind TEXT NOT NULL,
    quality TEXT NOT NULL,
    closed_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    quantity TEXT NOT NULL,
    entry_price TEXT,
    exit_price TEXT,
    gross_micros INTEGER,
    commission_micros INTEGER,
    commission_currency TEXT NOT NULL,
    realized_pnl_micros INTEGER,
    broker_realized_pnl TEXT,
    exec_id TEXT,
    is_full_close INTEGER NOT NULL,
    price TEXT,
    supersedes_id INTEGER REFERENCES realized_entries (id),
    run_id INTEGER NOT NULL REFERENCES sync_runs (id)
);
CREATE INDEX realized_by_time ON realized_entries (method, closed_at, id);
CREATE INDEX realized_by_life ON realized_entries (life_id);
CREATE INDEX realized_by_key ON realized_entries (account, con_id);

-- The entries that no reversal has undone.
CREATE TABLE standing_entries (
    entry_id INTEGER PRIMARY KEY REFERENCES realized_entries (id),
    life_id INTEGER NOT NULL REFERENCES lives (id)
);
CREATE INDEX standing_by_life ON standing_entries (life_id, entry_id);

-- The sum of each life's entries, kept along with them; `known` counts those with an amount.
CREATE TABLE life_totals (
    life_id INTEGER NOT NULL REFERENCES lives (id),
    method TEXT NOT NULL,
    realized_pnl_micros INTEGER NOT NULL,
    known INTEGER NOT NULL,
    PRIMARY KEY (life_id, method)
) WITHOUT ROWID;

-- The latest live values. No history: outside journal and replay.
CREATE TABLE marks (
    account TEXT NOT NULL,
    con_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    source TEXT NOT NULL,
    session_id TEXT NOT NULL,
    price TEXT,
    market_value_micros INTEGER,
    unrealized_pnl_micros INTEGER,
    daily_pnl_micros INTEGER,
    realized_today_micros INTEGER,
    PRIMARY KEY (account, con_id)
) WITHOUT ROWID;

CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('held', 'kept', 'accepted', 'cleared')),
    account TEXT NOT NULL,
    con_id INTEGER,
    symbol TEXT NOT NULL,
    keys TEXT NOT NULL,
    message TEXT NOT NULL,
    evidence TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    decided_at TEXT,
    note TEXT NOT NULL
);
CREATE INDEX holds_open ON holds (id) WHERE status IN ('held', 'kept');

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    run_id INTEGER REFERENCES sync_runs (id),
    account TEXT NOT NULL,
    con_id INTEGER,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    evidence TEXT NOT NULL,
    -- Of a realized amount and its reversal: each is journaled by both cost methods.
    method TEXT
);
CREATE INDEX journal_by_key ON journal (account, con_id, id);
CREATE INDEX journal_by_run ON journal (run_id);

CREATE TRIGGER inbox_keeps_rows BEFORE UPDATE ON inbox
BEGIN SELECT RAISE(ABORT, 'the inbox is append-only'); END;
CREATE TRIGGER inbox_keeps_all BEFORE DELETE ON inbox
BEGIN SELECT RAISE(ABORT, 'the inbox is append-only'); END;
CREATE TRIGGER journal_keeps_rows BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_keeps_all BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER realized_keeps_rows BEFORE UPDATE ON realized_entries
BEGIN SELECT RAISE(ABORT, 'realized entries are append-only'); END;
CREATE TRIGGER realized_keeps_all BEFORE DELETE ON realized_entries
BEGIN SELECT RAISE(ABORT, 'realized entries are append-only'); END;

-- Positions with their exact values, for the program; `positions` is the same for users.
CREATE VIEW position_rows AS
SELECT
    life.id,
    account.id AS account_id,
    account.code AS account,
    life.con_id,
    life.symbol,
    life.description,
    life.sec_type,
    life.currency,
    life.multiplier,
    life.quantity,
    life.average_cost,
    life.average_price,
    mark.price AS current_price,
    mark.market_value_micros,
    mark.unrealized_pnl_micros,
    life.status,
    life.opened_at,
    life.closed_at,
    account.last_synced_at,
    CASE WHEN total.known > 0 THEN total.realized_pnl_micros END AS realized_pnl_micros,
    life.missing_since,
    mark.at AS marked_at
FROM lives AS life
JOIN accounts AS account ON account.code = life.account
LEFT JOIN marks AS mark
    ON mark.account = life.account AND mark.con_id = life.con_id AND life.status <> 'CLOSED'
LEFT JOIN life_totals AS total
    ON total.life_id = life.id
    AND total.method = (SELECT value FROM meta WHERE name = 'cost_method')
WHERE life.close_reason <> 'voided';

CREATE VIEW positions AS
SELECT
    id,
    account_id,
    con_id,
    symbol,
    description,
    sec_type,
    currency,
    CAST(multiplier AS NUMERIC) AS multiplier,
    CAST(quantity AS NUMERIC) AS quantity,
    CAST(average_cost AS NUMERIC) AS average_cost,
    CAST(average_price AS NUMERIC) AS average_price,
    CAST(current_price AS NUMERIC) AS current_price,
    market_value_micros / 1000000.0 AS market_value,
    unrealized_pnl_micros / 1000000.0 AS unrealized_pnl,
    status,
    opened_at,
    closed_at,
    last_synced_at,
    realized_pnl_micros / 1000000.0 AS realized_pnl
FROM position_rows;

CREATE VIEW realized_pnl AS
SELECT
    entry.id,
    entry.life_id AS position_id,
    account.id AS account_id,
    entry.con_id,
    entry.symbol,
    entry.currency,
    entry.closed_at,
    entry.recorded_at,
    CAST(entry.quantity AS NUMERIC) AS quantity_closed,
    CAST(entry.entry_price AS NUMERIC) AS entry_price,
    CAST(entry.exit_price AS NUMERIC) AS exit_price,
    entry.gross_micros / 1000000.0 AS gross_pnl,
    entry.commission_micros / 1000000.0 AS commission,
    entry.commission_currency,
    entry.realized_pnl_micros / 1000000.0 AS realized_pnl,
    entry.realized_pnl_micros,
    CAST(entry.broker_realized_pnl AS NUMERIC) AS broker_realized_pnl,
    entry.quality,
    entry.kind,
    entry.supersedes_id,
    entry.exec_id,
    entry.is_full_close
FROM realized_entries AS entry
JOIN accounts AS account ON account.code = entry.account
WHERE entry.method = (SELECT value FROM meta WHERE name = 'cost_method');

CREATE VIEW fills AS
SELECT
    account.id AS account_id,
    execution.exec_id,
    execution.con_id,
    execution.symbol,
    execution.side,
    CAST(execution.quantity AS NUMERIC) AS quantity,
    CAST(execution.price AS NUMERIC) AS price,
    execution.time,
    execution.raw_time,
    CAST(commission.amount AS NUMERIC) AS commission,
    commission.currency AS commission_currency,
    CAST(commission.broker_realized_pnl AS NUMERIC) AS broker_realized_pnl,
    execution.order_id,
    execution.perm_id,
    execution.client_id,
    execution.exchange,
    (
        SELECT later.exec_id
        FROM executions AS later
        WHERE later.account = execution.account
            AND later.base_id = execution.base_id
            AND later.con_id = execution.con_id
            AND later.revision > execution.revision
        ORDER BY later.revision DESC
        LIMIT 1
    ) AS superseded_by
FROM executions AS execution
LEFT JOIN accounts AS account ON account.code = execution.account
LEFT JOIN commissions AS commission ON commission.exec_id = execution.exec_id;
