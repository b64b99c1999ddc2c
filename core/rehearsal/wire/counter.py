"""The REST counter: Kite's paths, its headers, its envelopes and its error bodies."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.brokers.paper.refusals import Refusal
from core.rehearsal.wire import rows
from core.rehearsal.wire.access import Access
from core.rehearsal.wire.desk import Answer, Desk, Unclear

GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
QUOTE_KEYS = {"": 500, "/ohlc": 1_000, "/ltp": 1_000}
BAD_BODY = Refusal(400, "InputException", "Unable to parse the request body.")
TOO_MANY_KEYS = Refusal(400, "InputException", "Too many instruments in one request.")
NOT_SERVED = Refusal(400, "InputException", "This exchange does not convert positions.")

Handler = Callable[[Request], Awaitable[Response]]


class CutShort(Response):
    """An answer whose connection breaks before its end: the client cannot know what became of its request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise more than is sent; the server then closes the connection."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"512")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"status":"succ'})


async def astray(request: Request, error: Exception) -> Response:
    """A path or method that Kite does not have, or a fault of our own, in Kite's envelope."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return answered(Refusal(status, "GeneralException", ASTRAY.get(status, ASTRAY[500])))


ASTRAY = {
    404: "Route not found",
    405: "Method not allowed",
    500: "Something went wrong in the simulated exchange",
}


def answered(answer: Answer | bool) -> Response:
    """An answer in Kite's envelope."""
    if isinstance(answer, Unclear):
        return CutShort() if answer.cut else Response(GATEWAY_PAGE, 502, media_type="text/html")
    if isinstance(answer, Refusal):
        body: dict[str, Any] = {
            "status": "error",
            "message": answer.message,
            "data": None,
            "error_type": answer.error_type,
        }
        return Response(msgspec.json.encode(body), answer.status, media_type="application/json")
    body = {"status": "success", "data": answer}
    return Response(msgspec.json.encode(body), media_type="application/json")


class Counter:
    """Kite's REST interface over a desk."""

    def __init__(self, desk: Desk, access: Access) -> None:
        self._desk = desk
        self._access = access

    def routes(self) -> list[Route]:
        """Every path, the fixed ones before those with a name in them."""
        return [
            Route("/connect/login", self._login),
            Route("/session/token", self._grant, methods=["POST"]),
            self._route("/session/token", self._logout, "DELETE"),
            self._route("/user/profile", self._profile),
            self._route("/user/profile/full", self._profile),
            self._route("/user/margins", self._margins),
            self._route("/user/margins/{segment}", self._margins),
            self._route("/orders", self._orders),
            self._route("/trades", self._trades),
            self._route("/orders/{order_id}", self._history),
            self._route("/orders/{order_id}/trades", self._trades),
            self._route("/orders/{variety}", self._place, "POST"),
            self._route("/orders/{variety}/{order_id}", self._modify, "PUT"),
            self._route("/orders/{variety}/{order_id}", self._cancel, "DELETE"),
            self._route("/portfolio/positions", self._positions),
            self._route("/portfolio/positions", self._convert, "PUT"),
            self._route("/portfolio/holdings", self._holdings),
            self._route("/margins/orders", self._order_margins, "POST"),
            self._route("/margins/basket", self._basket, "POST"),
            self._route("/quote", self._quote(""), kind="quote"),
            self._route("/quote/ohlc", self._quote("/ohlc"), kind="quote"),
            self._route("/quote/ltp", self._quote("/ltp"), kind="quote"),
            self._route("/instruments", self._instruments),
            self._route("/instruments/{exchange}", self._instruments),
        ]

    def _route(self, path: str, handler: Handler, method: str = "GET", kind: str = "other") -> Route:
        """A path for whoever has a session; reads keep to Kite's limits."""

        async def guarded(request: Request) -> Response:
            refusal = self._access.refuse_headers(request.headers)
            if refusal is None and method == "GET":
                refusal = self._access.refuse_read(kind)
            return answered(refusal) if refusal is not None else await handler(request)

        return Route(path, guarded, methods=[method])

    async def _login(self, request: Request) -> Response:
        """What a person's browser would end on."""
        if not self._access.is_app(request.query_params.get("api_key", "")):
            return PlainTextResponse("Unknown api_key.", 400)
        body = {"status": "success", "request_token": self._access.new_request_token()}
        return Response(json.dumps(body), media_type="application/json")

    async def _grant(self, request: Request) -> Response:
        form = await _form(request)
        token = self._access.exchange(form)
        if isinstance(token, Refusal):
            return answered(token)
        return answered(
            rows.PROFILE
            | {
                "api_key": form["api_key"],
                "access_token": token,
                "public_token": self._access.new_public_token(),
                "refresh_token": "",
                "enctoken": "",
                "silo": "",
                "login_time": self._desk.stamp(),
            }
        )

    async def _logout(self, request: Request) -> Response:
        self._access.end(request.query_params.get("access_token", ""))
        return answered(True)

    async def _profile(self, request: Request) -> Response:
        return answered(rows.PROFILE)

    async def _margins(self, request: Request) -> Response:
        return answered(await self._desk.margins(request.path_params.get("segment", "")))

    async def _orders(self, request: Request) -> Response:
        return answered(await self._desk.orders())

    async def _trades(self, request: Request) -> Response:
        return answered(await self._desk.trades(request.path_params.get("order_id", "")))

    async def _history(self, request: Request) -> Response:
        return answered(await self._desk.history(request.path_params["order_id"]))

    async def _place(self, request: Request) -> Response:
        return answered(await self._desk.place(request.path_params["variety"], await _form(request)))

    async def _modify(self, request: Request) -> Response:
        path = request.path_params
        return answered(await self._desk.modify(path["variety"], path["order_id"], await _form(request)))

    async def _cancel(self, request: Request) -> Response:
        path = request.path_params
        return answered(await self._desk.cancel(path["variety"], path["order_id"]))

    async def _positions(self, request: Request) -> Response:
        return answered(await self._desk.positions())

    async def _convert(self, request: Request) -> Response:
        return answered(NOT_SERVED)

    async def _holdings(self, request: Request) -> Response:
        return answered([])

    async def _order_margins(self, request: Request) -> Response:
        asked = await _rows_of(request)
        return answered(BAD_BODY if asked is None else await self._desk.order_margins(asked, basket=False))

    async def _basket(self, request: Request) -> Response:
        asked = await _rows_of(request)
        return answered(BAD_BODY if asked is None else await self._desk.order_margins(asked, basket=True))

    def _quote(self, kind: str) -> Handler:
        async def handler(request: Request) -> Response:
            keys = request.query_params.getlist("i")
            if len(keys) > QUOTE_KEYS[kind]:
                return answered(TOO_MANY_KEYS)
            return answered(self._desk.quotes(keys, kind))

        return handler

    async def _instruments(self, request: Request) -> Response:
        dump = self._desk.listing.dump(request.path_params.get("exchange", ""))
        return PlainTextResponse(dump, media_type="text/csv")


async def _form(request: Request) -> Mapping[str, str]:
    body = await request.body()
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def _rows_of(request: Request) -> list[dict[str, object]] | None:
    try:
        return msgspec.json.decode(await request.body(), type=list[dict[str, object]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
