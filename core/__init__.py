"""Hedgerow's execution core: multi-leg option strategies on brokers that have no atomic combo order."""

__version__ = "0.1.0"
