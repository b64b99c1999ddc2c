"""Campaigns: seeded disasters by the thousand, each judged by every invariant and replayable by its seed."""
