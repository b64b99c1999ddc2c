from __future__ import annotations

import json

import msgspec
import pytest

from core.brokers.kite.errors import Fault, judge, redact, unanswered
from core.domain.orders import AccessRefusal, Outcome


def error(error_type: str, message: str = "no") -> bytes:
    return json.dumps({"status": "error", "message": message, "error_type": error_type}).encode()


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "InputException"),
        (400, "MarginException"),
        (400, "OrderException"),
        (400, "HoldingException"),
        (403, "TokenException"),
        (403, "PermissionException"),
        (404, "GeneralException"),
        (405, "GeneralException"),
        (428, "OrderException"),
        (429, "NetworkException"),
    ],
)
def test_these_answers_prove_that_nothing_was_created(status: int, error_type: str) -> None:
    answer = judge(status, error(error_type))
    assert isinstance(answer, Fault)
    assert answer.outcome is Outcome.REJECTED


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 410, 301])
@pytest.mark.parametrize("error_type", ["InputException", "OrderException", "NetworkException"])
def test_whatever_its_type_an_error_of_the_servers_proves_nothing(status: int, error_type: str) -> None:
    answer = judge(status, error(error_type))
    assert isinstance(answer, Fault)
    assert answer.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [200, 400, 403, 429, 502])
@pytest.mark.parametrize("body", [b"<html>Oops</html>", b"", b'{"status":"succ', b"[1]", b"null", b"\xff"])
def test_a_page_or_a_fragment_proves_nothing_under_any_status(status: int, body: bytes) -> None:
    answer = judge(status, body)
    assert isinstance(answer, Fault)
    assert answer.outcome is Outcome.UNKNOWN


def test_a_400_about_the_brokers_own_network_proves_nothing() -> None:
    answer = judge(400, error("NetworkException"))
    assert isinstance(answer, Fault)
    assert answer.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [400, 429, 503])
def test_the_26th_modification_is_a_refusal_under_any_status(status: int) -> None:
    answer = judge(status, error("NetworkException", "Maximum allowed order modifications exceeded."))
    assert isinstance(answer, Fault)
    assert answer.outcome is Outcome.REJECTED


def test_an_error_inside_a_200_is_not_a_success() -> None:
    answer = judge(200, error("OrderException"))
    assert isinstance(answer, Fault)
    assert answer.outcome is Outcome.UNKNOWN


def test_a_success_hands_out_its_data_raw() -> None:
    answer = judge(200, b'{"status":"success","data":{"order_id":"1"}}')
    assert isinstance(answer, msgspec.Raw)
    assert bytes(answer) == b'{"order_id":"1"}'


def test_a_dead_token_asks_for_a_login_and_a_permission_does_not() -> None:
    token, permission = judge(403, error("TokenException")), judge(403, error("PermissionException"))
    assert isinstance(token, Fault)
    assert isinstance(permission, Fault)
    assert (token.needs_login, permission.needs_login) == (True, False)


@pytest.mark.parametrize(
    "said",
    [
        "Static IP is not registered for this app.",
        "No IPs configured for this app. Add allowed IPs on the developer console.",
        "Your IP address 203.0.113.7 is not allowed to place orders.",
        "The request is not from a whitelisted address.",
        "Orders are accepted from the registered static address only.",
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_address_is_known_by_its_words(said: str, status: int) -> None:
    answer = judge(status, error("PermissionException", said))
    assert isinstance(answer, Fault)
    assert (answer.access_refused, answer.needs_login) == (AccessRefusal.ADDRESS, False)


@pytest.mark.parametrize(
    "said",
    [
        "Insufficient funds. Required margin is 12,345.",
        "The order is beyond the static price band.",
        "Check the shipping address in your profile.",
        "Zip code missing; tipped strip.",
        "RMS:Blocked for the client by the risk desk",
    ],
)
def test_other_refusals_say_nothing_of_the_address(said: str) -> None:
    answer = judge(400, error("InputException", said))
    assert isinstance(answer, Fault)
    assert answer.access_refused is None


def test_a_dead_token_is_a_login_refused_whatever_else_it_says() -> None:
    answer = judge(403, error("TokenException", "Log in from your static IP."))
    assert isinstance(answer, Fault)
    assert answer.access_refused is AccessRefusal.LOGIN


def test_only_429_asks_to_be_left_alone() -> None:
    limited, input_error = judge(429, error("NetworkException")), judge(400, error("InputException"))
    assert isinstance(limited, Fault)
    assert isinstance(input_error, Fault)
    assert (limited.back_off, input_error.back_off) == (True, False)
    assert limited.may_pass
    assert not input_error.may_pass


@pytest.mark.parametrize(
    "text",
    [
        "GET /session/token?api_key=k&access_token=SECRET99",
        "Authorization: token akey:SECRET99",
        '{"access_token": "SECRET99"}',
        "checksum=SECRET99&x=1",
        "request_token=SECRET99",
        "plain SECRET99 in a sentence",
    ],
)
def test_secrets_are_blotted_out_of_any_text(text: str) -> None:
    assert "SECRET99" not in redact(text, ("SECRET99",))
    if not text.startswith("plain"):
        assert "SECRET99" not in redact(text)


def test_a_refusal_that_names_its_fields_stays_readable() -> None:
    assert redact("Incorrect `api_key` or `access_token`.") == "Incorrect `api_key` or `access_token`."


def test_an_error_text_is_one_short_line_without_control_characters() -> None:
    line = redact("a\x1b[31m\nb\x00" + "c" * 1_000)
    assert line.isprintable()
    assert len(line) <= 300


def test_silence_and_a_reset_prove_nothing() -> None:
    assert unanswered(TimeoutError(), 7).outcome is Outcome.UNKNOWN
    assert unanswered(ConnectionResetError("reset"), 7).message == "no answer: ConnectionResetError: reset"
