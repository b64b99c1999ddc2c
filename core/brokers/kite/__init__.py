"""Zerodha's Kite Connect v3: the first live broker behind the port."""
