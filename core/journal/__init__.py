"""What happened: the append-only journal, the tables beside it, and reading it back."""
