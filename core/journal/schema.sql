-- The journal. `events` is the authority: every other table says where things stood after its last row,
-- written in the same transaction, and could be made again from it.
-- Times ending in _ns are nanoseconds since 1970 (UTC); times ending in _ist are the Indian wall clock.
-- Money is in paise, quantities are in units; a net position below zero is short.

CREATE TABLE events (
  seq      INTEGER PRIMARY KEY,  -- 1, 2, 3, ... without a gap
  at_ns    INTEGER NOT NULL,
  group_id TEXT    NOT NULL,     -- '' where a fact belongs to the whole account
  kind     TEXT    NOT NULL,
  body     TEXT    NOT NULL,     -- the fact, as JSON
  hash     TEXT    NOT NULL      -- SHA-256 over the hash of the row before and this row
);

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only: a row is never changed'); END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only: a row is never deleted'); END;

-- One row a group: where it stands, and why.
CREATE TABLE execution_states (
  group_id       TEXT PRIMARY KEY,
  state          TEXT NOT NULL,
  reason         TEXT NOT NULL,
  cause          TEXT NOT NULL,     -- of MANUAL, otherwise ''
  strategy       TEXT NOT NULL,
  underlying     TEXT NOT NULL,
  product        TEXT NOT NULL,
  goal           TEXT NOT NULL,     -- ENTER, REDUCE or EXIT
  copies         INTEGER NOT NULL,  -- wanted now
  copies_planned INTEGER NOT NULL,
  legs           TEXT NOT NULL,     -- JSON: symbol, side, target_units and net_units of each leg
  live_orders    INTEGER NOT NULL,  -- orders that may still fill
  planned_at_ns  INTEGER NOT NULL,
  state_since_ns INTEGER NOT NULL,
  first_fill_ns  INTEGER NOT NULL,  -- 0 before any
  last_fill_ns   INTEGER NOT NULL,  -- 0 before any
  updated_at_ns  INTEGER NOT NULL,
  updated_seq    INTEGER NOT NULL,  -- the last event that is counted in
  state_since_ist TEXT AS (strftime('%Y-%m-%d %H:%M:%f', state_since_ns / 1e9 + 19800, 'unixepoch')),
  updated_ist     TEXT AS (strftime('%Y-%m-%d %H:%M:%f', updated_at_ns / 1e9 + 19800, 'unixepoch'))
) WITHOUT ROWID;

-- One row a leg: what it should hold, and what it does.
CREATE TABLE leg_states (
  group_id          TEXT NOT NULL,
  leg               INTEGER NOT NULL,
  symbol            TEXT NOT NULL,
  side              TEXT NOT NULL,     -- as planned
  leg_type          TEXT NOT NULL,
  target_units      INTEGER NOT NULL,  -- signed, wanted now
  net_units         INTEGER NOT NULL,  -- signed, held
  bought_units      INTEGER NOT NULL,
  sold_units        INTEGER NOT NULL,
  closed_units      INTEGER NOT NULL,  -- taken away by others, or by settlement
  bought_value_paise INTEGER NOT NULL,
  sold_value_paise   INTEGER NOT NULL,
  children          INTEGER NOT NULL,  -- orders intended so far
  updated_seq       INTEGER NOT NULL,
  PRIMARY KEY (group_id, leg)
) WITHOUT ROWID;

-- One row an order, whether or not the broker has heard of it.
CREATE TABLE order_states (
  tag            TEXT PRIMARY KEY,
  group_id       TEXT NOT NULL,
  leg            INTEGER NOT NULL,
  purpose        TEXT NOT NULL,     -- ENTRY, UNWIND, EXIT, HEDGE or STOP
  symbol         TEXT NOT NULL,
  side           TEXT NOT NULL,
  units          INTEGER NOT NULL,
  filled_units   INTEGER NOT NULL,
  limit_paise    INTEGER NOT NULL,
  trigger_paise  INTEGER NOT NULL,
  outcome        TEXT NOT NULL,     -- of the send; '' while it is in flight
  status         TEXT NOT NULL,     -- at the broker, as far as known
  order_id       TEXT NOT NULL,     -- the broker's, or ''
  message        TEXT NOT NULL,
  intended_at_ns INTEGER NOT NULL,
  updated_seq    INTEGER NOT NULL,
  intended_ist   TEXT AS (strftime('%Y-%m-%d %H:%M:%f', intended_at_ns / 1e9 + 19800, 'unixepoch'))
) WITHOUT ROWID;

-- One row each time that exposure had to be answered, by the event that resolved it.
CREATE TABLE emergency_hedges (
  wanted_seq   INTEGER PRIMARY KEY,
  group_id     TEXT NOT NULL,
  wanted_at_ns INTEGER NOT NULL,
  hedge        TEXT NOT NULL,      -- which kind
  symbol       TEXT NOT NULL,
  side         TEXT NOT NULL,
  units        INTEGER NOT NULL,
  reason       TEXT NOT NULL,
  wanted_ist   TEXT AS (strftime('%Y-%m-%d %H:%M:%f', wanted_at_ns / 1e9 + 19800, 'unixepoch'))
);

-- The whole story, oldest first, for reading.
CREATE VIEW timeline AS
SELECT seq, strftime('%Y-%m-%d %H:%M:%f', at_ns / 1e9 + 19800, 'unixepoch') AS ist, group_id, kind, body
FROM events ORDER BY seq;

-- Orders that answered an emergency.
CREATE VIEW hedge_orders AS
SELECT * FROM order_states WHERE purpose = 'HEDGE' ORDER BY intended_at_ns, tag;
