-- The ledger, version 2: sums over realized_entries, kept along with them, so that totals of any
-- stretch of time read some rows a day instead of every entry. Virtual FX is in no total, so only
-- the sums by contract, which tell what there is, have it. Days are those of UTC; a quarter of an hour is counted from 1970, 96 of them a day, and every zone's day
-- begins on one: where the user's midnight parts what a UTC day holds, its quarters are summed.
-- `entries` counts those that stand: a reversal takes back what it reverses, in every column.

CREATE TABLE realized_days (
    method TEXT NOT NULL,
    day INTEGER NOT NULL,
    currency TEXT NOT NULL,
    commission_currency TEXT NOT NULL,
    account TEXT NOT NULL,
    quality TEXT NOT NULL,
    first_quarter INTEGER NOT NULL,
    last_quarter INTEGER NOT NULL,
    realized_micros INTEGER NOT NULL,
    commission_micros INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    wins INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    won_micros INTEGER NOT NULL,
    lost_micros INTEGER NOT NULL,
    PRIMARY KEY (method, day, currency, commission_currency, account, quality)
) WITHOUT ROWID;

CREATE TABLE realized_quarters (
    method TEXT NOT NULL,
    quarter INTEGER NOT NULL,
    currency TEXT NOT NULL,
    commission_currency TEXT NOT NULL,
    account TEXT NOT NULL,
    quality TEXT NOT NULL,
    realized_micros INTEGER NOT NULL,
    commission_micros INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    wins INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    won_micros INTEGER NOT NULL,
    lost_micros INTEGER NOT NULL,
    PRIMARY KEY (method, quarter, currency, commission_currency, account, quality)
) WITHOUT ROWID;

CREATE TABLE realized_contracts (
    method TEXT NOT NULL,
    symbol TEXT NOT NULL,
    description TEXT NOT NULL,
    con_id INTEGER NOT NULL,
    sec_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    commission_currency TEXT NOT NULL,
    account TEXT NOT NULL,
    quality TEXT NOT NULL,
    realized_micros INTEGER NOT NULL,
    commission_micros INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    wins INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    won_micros INTEGER NOT NULL,
    lost_micros INTEGER NOT NULL,
    PRIMARY KEY (
        method, symbol, currency, commission_currency, description, con_id, sec_type, account,
        quality
    )
) WITHOUT ROWID;

-- The minute is enough, and rounds nothing up as a fraction of a second would be.
INSERT INTO realized_quarters
SELECT
    method,
    (CAST(strftime('%s', substr(closed_at, 1, 16)) AS INTEGER) + 62135596800) / 900 - 69039552
        AS quarter,
    currency,
    commission_currency,
    account,
    quality,
    coalesce(sum(realized_pnl_micros), 0),
    coalesce(sum(commission_micros), 0),
    sum(counted),
    sum(iif(realized_pnl_micros IS NULL, counted, 0)),
    sum(iif(realized_pnl_micros * counted > 0, counted, 0)),
    sum(iif(realized_pnl_micros * counted < 0, counted, 0)),
    sum(iif(realized_pnl_micros * counted > 0, realized_pnl_micros, 0)),
    sum(iif(realized_pnl_micros * counted < 0, realized_pnl_micros, 0))
FROM (SELECT *, iif(kind = 'REVERSAL', -1, 1) AS counted FROM realized_entries)
WHERE sec_type <> 'CASH'
GROUP BY method, quarter, currency, commission_currency, account, quality;

INSERT INTO realized_days
SELECT
    method,
    (quarter + 69039552) / 96 - 719162 AS day,
    currency,
    commission_currency,
    account,
    quality,
    min(quarter),
    max(quarter),
    sum(realized_micros),
    sum(commission_micros),
    sum(entries),
    sum(unknown),
    sum(wins),
    sum(losses),
    sum(won_micros),
    sum(lost_micros)
FROM realized_quarters
GROUP BY method, day, currency, commission_currency, account, quality;

INSERT INTO realized_contracts
SELECT
    method,
    symbol,
    description,
    con_id,
    sec_type,
    currency,
    commission_currency,
    account,
    quality,
    coalesce(sum(realized_pnl_micros), 0),
    coalesce(sum(commission_micros), 0),
    sum(counted),
    sum(iif(realized_pnl_micros IS NULL, counted, 0)),
    sum(iif(realized_pnl_micros * counted > 0, counted, 0)),
    sum(iif(realized_pnl_micros * counted < 0, counted, 0)),
    sum(iif(realized_pnl_micros * counted > 0, realized_pnl_micros, 0)),
    sum(iif(realized_pnl_micros * counted < 0, realized_pnl_micros, 0))
FROM (SELECT *, iif(kind = 'REVERSAL', -1, 1) AS counted FROM realized_entries)
GROUP BY
    method, symbol, currency, commission_currency, description, con_id, sec_type, account, quality;
