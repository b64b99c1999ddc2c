"""The exchange's books as Kite's JSON: rupees, Indian times without a zone, nulls where Kite has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from core.brokers.port import BasketMargin
from core.domain.instruments import Side
from core.domain.orders import (
    TERMINAL,
    Funds,
    OrderReport,
    OrderStatus,
    PositionReport,
    TradeReport,
)
from core.domain.timing import to_ist
from core.rehearsal.wire.tape import LEVELS, Shown

USER_ID = "HR0001"
Row = dict[str, Any]


def rupees(paise: int) -> float:
    """Paise as a JSON number in rupees."""
    return paise / 100


def stamp(at_ns: int) -> str:
    """``yyyy-mm-dd hh:mm:ss``."""
    return f"{to_ist(at_ns):%Y-%m-%d %H:%M:%S}"


def order_row(order: OrderReport, token: int, accepted_ns: int) -> Row:
    """An order, as the book, its history and a stream frame show it."""
    at_exchange = None if order.status is OrderStatus.REJECTED else stamp(order.at_ns)
    over = order.status in TERMINAL
    left = order.units - order.filled_units
    return {
        "placed_by": USER_ID,
        "order_id": order.order_id,
        "exchange_order_id": None if at_exchange is None else f"11{order.order_id[-14:]}",
        "parent_order_id": None,
        "status": order.raw_status,
        "status_message": order.message or None,
        "status_message_raw": order.message or None,
        "order_timestamp": stamp(accepted_ns),
        "exchange_update_timestamp": at_exchange,
        "exchange_timestamp": at_exchange,
        "variety": "regular",
        "modified": False,
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "instrument_token": token,
        "order_type": order.order_type.value,
        "transaction_type": order.side.value,
        "validity": "DAY",
        "validity_ttl": 0,
        "product": order.product.value,
        "quantity": order.units,
        "disclosed_quantity": 0,
        "price": rupees(order.limit_paise),
        "trigger_price": rupees(order.trigger_paise),
        "average_price": rupees(order.average_paise),
        "filled_quantity": order.filled_units,
        "pending_quantity": 0 if over else left,
        "cancelled_quantity": left if order.status is OrderStatus.CANCELLED else 0,
        "market_protection": 0,
        "meta": {},
        "tag": order.tags[0] if order.tags else None,
        "tags": list(order.tags),
        "guid": None,
    }


def order_frame(order: OrderReport, token: int, accepted_ns: int) -> Row:
    """The same as a frame of the stream, with what a postback adds and without what it lacks."""
    data = order_row(order, token, accepted_ns)
    del data["modified"]
    data |= {"user_id": USER_ID, "unfilled_quantity": data["pending_quantity"], "app_id": 1, "checksum": ""}
    return {"type": "order", "id": "", "data": data}


def trade_row(trade: TradeReport, token: int) -> Row:
    """A fill."""
    at = stamp(trade.at_ns)
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "exchange": trade.exchange,
        "tradingsymbol": trade.symbol,
        "instrument_token": token,
        "product": trade.product.value,
        "average_price": rupees(trade.price_paise),
        "quantity": trade.units,
        "exchange_order_id": f"11{trade.order_id[-14:]}",
        "transaction_type": trade.side.value,
        "fill_timestamp": at,
        "order_timestamp": at[11:],
        "exchange_timestamp": at,
    }


def position_row(position: PositionReport, trades: Iterable[TradeReport], token: int, last_paise: int) -> Row:
    """A net position with the day's trades in it."""
    mine = [t for t in trades if (t.symbol, t.product) == (position.key.symbol, position.key.product)]
    row: Row = {
        "tradingsymbol": position.key.symbol,
        "exchange": position.key.exchange,
        "instrument_token": token,
        "product": position.key.product.value,
        "quantity": position.units,
        "overnight_quantity": position.overnight_units,
        "multiplier": 1,
        "average_price": rupees(position.average_paise),
        "close_price": 0,
        "last_price": rupees(last_paise),
        "value": rupees(-position.units * position.average_paise),
    }
    pnl = rupees(position.units * (last_paise - position.average_paise))
    row |= {"pnl": pnl, "m2m": pnl, "unrealised": pnl, "realised": 0}
    for side, name in ((Side.BUY, "buy"), (Side.SELL, "sell")):
        units = sum(t.units for t in mine if t.side is side)
        value = sum(t.units * t.price_paise for t in mine if t.side is side)
        price = rupees(round(value / units)) if units else 0
        row |= {f"{name}_quantity": units, f"{name}_price": price, f"{name}_value": rupees(value)}
        row |= {f"{name}_m2m": rupees(value), f"day_{name}_quantity": units}
        row |= {f"day_{name}_price": price, f"day_{name}_value": rupees(value)}
    return row


UNUSED = (
    "exposure",
    "m2m_realised",
    "m2m_unrealised",
    "option_premium",
    "payout",
    "holding_sales",
    "turnover",
    "liquid_collateral",
    "stock_collateral",
    "delivery",
)
"""The exchange blocks one sum, shown as span; the rest of Kite's breakdown is 0."""


def segment_margins(funds: Funds) -> Row:
    """The funds of a segment."""
    net, cash, used = rupees(funds.available_paise), rupees(funds.cash_paise), rupees(funds.used_paise)
    return {
        "enabled": True,
        "net": net,
        "available": {
            "adhoc_margin": 0,
            "cash": cash,
            "opening_balance": cash,
            "live_balance": net,
            "collateral": rupees(max(0, funds.available_paise - funds.cash_paise)),
            "intraday_payin": 0,
        },
        "utilised": {"debits": used, "span": used, **dict.fromkeys(UNUSED, 0)},
    }


NO_FUNDS = Funds(0, 0, 0)


def order_margin(total_paise: int, symbol: str = "", exchange: str = "") -> Row:
    """What an order or a basket blocks. The exchange charges one sum; it is shown as span."""
    gst = {"igst": 0, "cgst": 0, "sgst": 0, "total": 0}
    charges = {"transaction_tax": 0, "transaction_tax_type": "", "exchange_turnover_charge": 0}
    charges |= {"sebi_turnover_charge": 0, "brokerage": 0, "stamp_duty": 0}
    zeros = dict.fromkeys(("exposure", "option_premium", "additional", "bo", "cash", "var"), 0)
    return {
        "type": "equity" if symbol else "",
        "tradingsymbol": symbol,
        "exchange": exchange,
        "span": rupees(total_paise),
        **zeros,
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": 1 if symbol else 0,
        "charges": charges | {"gst": gst, "total": 0},
        "total": rupees(total_paise),
    }


def basket_margins(margin: BasketMargin, orders: list[Row]) -> Row:
    """A basket: needed to send its orders, blocked afterwards, and each order alone."""
    initial, final = order_margin(margin.initial_paise), order_margin(margin.final_paise)
    return {"initial": initial, "final": final, "orders": orders, "charges": initial["charges"]}


def ohlc(shown: Shown) -> Row:
    """The day's prices."""
    return {
        "open": rupees(shown.open_paise),
        "high": rupees(shown.high_paise),
        "low": rupees(shown.low_paise),
        "close": rupees(shown.close_paise),
    }


def ltp_quote(shown: Shown, token: int) -> Row:
    """The shortest quote."""
    return {"instrument_token": token, "last_price": rupees(shown.last_paise)}


def ohlc_quote(shown: Shown, token: int) -> Row:
    """The quote with the day's prices."""
    return ltp_quote(shown, token) | {"ohlc": ohlc(shown)}


def full_quote(shown: Shown, token: int) -> Row:
    """The whole quote."""
    quote, at = shown.quote, stamp(shown.quote.at_ns)
    zeros = dict.fromkeys(("last_quantity", "volume", "oi", "oi_day_high", "oi_day_low", "net_change"), 0)
    return {
        **ohlc_quote(shown, token),
        **zeros,
        "timestamp": at,
        "last_trade_time": at,
        "buy_quantity": quote.bid_units,
        "sell_quantity": quote.ask_units,
        "average_price": rupees(shown.last_paise),
        "lower_circuit_limit": rupees(quote.lower_paise or 0),
        "upper_circuit_limit": rupees(quote.upper_paise or 0),
        "depth": {
            "buy": _levels(shown.depth(Side.SELL)),
            "sell": _levels(shown.depth(Side.BUY)),
        },
    }


QUOTES: dict[str, Callable[[Shown, int], Row]] = {"": full_quote, "/ohlc": ohlc_quote, "/ltp": ltp_quote}


def _levels(levels: Sequence[tuple[int, int]]) -> list[Row]:
    shown: list[Row] = [{"price": rupees(price), "quantity": units, "orders": 1} for price, units in levels]
    return shown + [{"price": 0, "quantity": 0, "orders": 0}] * (LEVELS - len(levels))


PROFILE: Row = {
    "user_id": USER_ID,
    "user_type": "individual",
    "email": "rehearsal@localhost",
    "user_name": "Rehearsal Account",
    "user_shortname": "Rehearsal",
    "broker": "ZERODHA",
    "exchanges": ["NSE", "NFO", "BSE", "BFO"],
    "products": ["NRML", "MIS"],
    "order_types": ["LIMIT", "SL"],
    "avatar_url": None,
    "meta": {"demat_consent": "physical"},
}
