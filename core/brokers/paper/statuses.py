"""Kite's order states as the exchange writes them, and what each means to the core.

The sequence of a placed and modified order is that of Kite Connect v3's order history; ``UPDATE`` is seen in
the stream only. An order that is being changed still is what it was, a resting stop above all.
"""

from __future__ import annotations

from core.domain.orders import OrderStatus

PUT = "PUT ORDER REQ RECEIVED"
VALIDATION_PENDING = "VALIDATION PENDING"
OPEN_PENDING = "OPEN PENDING"
OPEN = "OPEN"
TRIGGER_PENDING = "TRIGGER PENDING"
MODIFY_VALIDATION_PENDING = "MODIFY VALIDATION PENDING"
MODIFY_PENDING = "MODIFY PENDING"
MODIFIED = "MODIFIED"
UPDATE = "UPDATE"
CANCEL_PENDING = "CANCEL PENDING"
CANCELLED = "CANCELLED"
COMPLETE = "COMPLETE"
REJECTED = "REJECTED"

PASSED_BEFORE = {MODIFIED: (MODIFY_VALIDATION_PENDING, MODIFY_PENDING)}
"""States passed through in no time before one is reached..."""
PASSED_AFTER = {PUT: (VALIDATION_PENDING, OPEN_PENDING)}
"""...and after one."""
OF_A_CHANGE = frozenset({MODIFY_VALIDATION_PENDING, MODIFY_PENDING, MODIFIED, UPDATE})
"""Said of an order that is being changed or filled, and never its state."""
TERMINAL_RAW = frozenset({CANCELLED, COMPLETE, REJECTED})

NORMALISED: dict[str, OrderStatus] = {
    PUT: OrderStatus.PENDING,
    VALIDATION_PENDING: OrderStatus.PENDING,
    OPEN_PENDING: OrderStatus.PENDING,
    OPEN: OrderStatus.OPEN,
    TRIGGER_PENDING: OrderStatus.TRIGGER_PENDING,
    CANCEL_PENDING: OrderStatus.CANCEL_PENDING,
    CANCELLED: OrderStatus.CANCELLED,
    COMPLETE: OrderStatus.COMPLETE,
    REJECTED: OrderStatus.REJECTED,
}
