"""The fourteen invariants of ARCHITECTURE.md as small named checks, judged from outside the core.

``told`` is what the broker has said by now, ``truth`` the exchange's own books; ``sends`` judges each send by
the first, ``ends`` judges the whole run by the second, and ``judge`` collects.
"""
