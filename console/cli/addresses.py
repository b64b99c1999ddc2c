"""The two addresses of a broker on the command line: what is accepted, and how they are written down."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from core.brokers.kite.session import REST_ROOT, STREAM_ROOT

OWN = (REST_ROOT, STREAM_ROOT)
_OWN_HOSTS = {urlsplit(root).hostname for root in OWN}


def addresses_of(rest: str | None, stream: str | None) -> tuple[str, str]:
    """The REST and the stream address asked for, Kite's own without any. Raises ``ValueError`` in words.

    Both or none; encrypted unless they are on loopback, for a token travels there; and both Kite's own or
    neither, so that nobody trades at Kite who thinks to be elsewhere.
    """
    if rest is None and stream is None:
        return OWN
    if rest is None or stream is None:
        raise ValueError("--rest and --stream belong together: give both addresses of the exchange, or none")
    given = _plain("--rest", rest, "http", "https"), _plain("--stream", stream, "ws", "wss")
    if given != OWN and any(urlsplit(root).hostname in _OWN_HOSTS for root in given):
        raise ValueError(f"Kite's own addresses are {REST_ROOT} and {STREAM_ROOT}: leave both options away")
    return given


def place_of(rest_root: str) -> str:
    """Host and port of a REST address, as people name it."""
    return urlsplit(rest_root).netloc


def broker_name(rest_root: str) -> str:
    """Who is there, for people: Kite, or the address that is not Kite's."""
    return "Kite" if rest_root == REST_ROOT else rest_root


def _plain(option: str, given: str, open_scheme: str, closed_scheme: str) -> str:
    """One address in one spelling, without the slash at its end. Raises ``ValueError``."""
    try:
        parts = urlsplit(given.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme not in (open_scheme, closed_scheme) or not host:
        raise ValueError(
            f"{option} {given!r} is no address: it begins with {open_scheme}:// or {closed_scheme}://"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{option} takes scheme, host and port only, such as {closed_scheme}://host:8443")
    if parts.scheme == open_scheme and not _is_loopback(host):
        raise ValueError(
            f"{option} {given}: the token would travel in clear to {host}; use {closed_scheme}:// there. "
            f"{open_scheme}:// is for this machine only"
        )
    default = {"http": 80, "ws": 80, "https": 443, "wss": 443}[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{'' if port in (None, default) else f':{port}'}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
