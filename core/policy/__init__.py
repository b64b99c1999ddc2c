"""What follows from what: pure decisions, one module a concern."""
