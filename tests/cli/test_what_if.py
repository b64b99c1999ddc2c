"""The commands price, margin and payoff as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from console.cli import margin, payoff, price
from core.domain.instruments import Right
from core.risk import pricing
from tests.risk.chains import RECORDED, SPAN_ARRAYS

CONDOR = 'strategy = "iron_condor"\nlots = 4\n'
PRICE = ("price", "--forward", "24570", "--strike", "24700", "--days", "4", "--right", "CE")
needs_chain = pytest.mark.skipif(not RECORDED.exists(), reason="the recorded chain is not here")


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    for command in (price, margin, payoff):
        command.register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def condor(tmp_path: Path) -> Path:
    path = tmp_path / "condor.toml"
    path.write_text(CONDOR)
    return path


def test_price_gives_exactly_the_six_figures() -> None:
    figures = json.loads(run(*PRICE, "--vol", "0.13", "--json").stdout)
    assert list(figures) == ["price", "delta", "gamma", "vega", "theta", "vol"]
    assert figures["vol"] == 0.13
    assert figures["price"] == pytest.approx(
        pricing.price(24_570, 24_700, 4 / 365, 0.13, Right.CE), rel=1e-12
    )


def test_a_price_gives_back_the_volatility_it_was_made_with() -> None:
    made = json.loads(run(*PRICE, "--vol", "0.13", "--json").stdout)["price"]
    figures = json.loads(run(*PRICE, "--price", str(made), "--json").stdout)
    assert figures["vol"] == pytest.approx(0.13, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--vol", "0"), "volatility must be"),
        (("--vol", "nan"), "volatility must be"),
        (("--price", "30000"), "the most an option can be worth"),
        (("--price", "-1"), "price must be"),
        (("--price", "1", "--strike", "24000"), "below intrinsic"),
        (("--vol", "0.1", "--days", "-1"), "has expired"),
        (("--vol", "0.1", "--forward", "inf"), "forward must be"),
        (("--vol", "0.1", "--forward", "1e308"), "forward must be a number above zero and below 1e60"),
        (("--vol", "0.1", "--days", "nan"), "time to expiry must be"),
        (("--price", "10", "--days", "0"), "has expired"),
    ],
)
def test_what_is_undefined_is_null_with_a_reason(arguments: tuple[str, ...], reason: str) -> None:
    result = run(*PRICE, *arguments, "--json")
    figures = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (figures["delta"], figures["vol"]) == (None, None)
    assert reason in figures["reason"]
    assert f"undefined: {figures['reason']}" in run(*PRICE, *arguments).stdout


@pytest.mark.parametrize("arguments", [(), ("--vol", "0.1", "--price", "3"), ("--vol", "much")])
def test_price_wants_either_a_volatility_or_a_price(arguments: tuple[str, ...]) -> None:
    assert run(*PRICE, *arguments).exit_code == 2


def test_margin_gives_its_parts_its_worst_case_and_a_verdict(condor: Path) -> None:
    passed = run("margin", condor, "--available", "1000000", "--json")
    report = json.loads(passed.stdout)
    assert passed.exit_code == 0
    assert report["verdict"]["passed"] is True
    assert report["total"] == pytest.approx(
        report["span"] + report["exposure"] + report["expiry_day"], abs=0.02
    )
    assert report["span"] == pytest.approx(report["scan_risk"] - report["net_option_value"], abs=0.02)
    assert report["worst_case"]["required"] > report["total"]
    assert len(report["worst_case"]["prefix"]) <= 4
    assert report["defined_risk"] is True


def test_a_refusal_is_a_sentence_and_exit_code_one(condor: Path) -> None:
    refused = run("margin", condor, "--available", "100000")
    assert refused.exit_code == 1
    sentence = refused.stdout.splitlines()[-1]
    assert sentence.startswith("Refused: with the ")
    assert sentence.endswith(" short.")


def test_without_a_sum_there_is_no_verdict(condor: Path) -> None:
    result = run("margin", condor, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["verdict"] is None
    assert json.loads(result.stdout)["warnings"] == []


@needs_chain
@pytest.mark.data
def test_margin_and_payoff_work_on_the_recorded_chain(condor: Path) -> None:
    report = json.loads(run("margin", condor, "--chain", RECORDED, "--at", "11:00", "--json").stdout)
    assert "29 Aug 2025 11:00:00" in report["market"]
    assert (
        f"parameters are of {report['parameters_as_of']} and this market is of 2025-08-29"
        in (report["warnings"][-1])
    )
    assert f"warning: {report['warnings'][-1]}" in run("margin", condor, "--chain", RECORDED).stdout
    assert report["exposure"] == pytest.approx(0.02 * 24_558 * 2 * 4 * 75, rel=2e-3)
    drawn = run("payoff", condor, "--chain", RECORDED, "--at", "11:00")
    assert drawn.exit_code == 0
    assert "probability of profit" in drawn.stdout


@pytest.mark.skipif(not SPAN_ARRAYS.exists(), reason="the shared risk arrays are not here")
@pytest.mark.data
def test_arrays_of_another_expiry_leave_the_estimate_in_place(condor: Path) -> None:
    plain = json.loads(run("margin", condor, "--json").stdout)
    given = json.loads(run("margin", condor, "--arrays", SPAN_ARRAYS, "--json").stdout)
    assert given["from_risk_arrays"] is False
    assert given["warnings"] == ["--arrays does not have every leg of this group: what it lacks is estimated"]
    assert given["scan_risk"] == plain["scan_risk"]


def test_payoff_draws_and_gives_the_same_figures_as_data(condor: Path) -> None:
    drawn = run("payoff", condor)
    report = json.loads(run("payoff", condor, "--json").stdout)
    assert drawn.exit_code == 0
    assert "●" in drawn.stdout
    assert "maximum profit ₹" in drawn.stdout
    assert len(report["breakevens"]) == 2
    assert f"{report['breakevens'][0]:.2f}" in drawn.stdout
    assert report["max_profit"] == pytest.approx(report["net_entry"], abs=0.02)
    assert len(report["curve"]["levels"]) == len(report["curve"]["now"]) == len(report["curve"]["at_expiry"])


def test_the_made_up_market_is_on_the_underlying_that_is_asked_for(condor: Path) -> None:
    report = json.loads(run("margin", condor, "--underlying", "BANKNIFTY", "--json").stdout)
    assert {leg["symbol"][:9] for leg in report["legs"]} == {"BANKNIFTY"}
    assert run("margin", condor, "--underlying", "NONESUCH").exit_code == 2


def test_an_unbounded_loss_is_said_and_is_null(tmp_path: Path) -> None:
    path = tmp_path / "straddle.toml"
    path.write_text('strategy = "straddle"\nlots = 1\n')
    assert json.loads(run("payoff", path, "--json").stdout)["max_loss"] is None
    text = run("payoff", path).stdout
    assert "maximum loss unbounded" in text
    assert "naked: " in text


@pytest.mark.parametrize("command", ["margin", "payoff"])
@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ('strategy = "iron_condr"\nlots = 1', (), "known strategies are"),
        ('strategy = "straddle"\nlots = x', (), "not valid TOML"),
        (CONDOR, ("--at", "noon"), "give a time of day"),
        (CONDOR, ("--at", "03:00"), "this market runs from"),
        (CONDOR, ("--chain", "missing.csv"), "missing.csv"),
        ('strategy = "straddle"\nunits = 1', (), "whole lots"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_two(
    tmp_path: Path, command: str, text: str, arguments: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "group.toml"
    path.write_text(text)
    result = run(command, path, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("hedgerow: ")
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("available", ["nan", "inf", "-1", "1e300"])
def test_a_sum_that_is_none_is_refused(condor: Path, available: str) -> None:
    assert run("margin", condor, "--available", available).exit_code == 2


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x00\xff\xfe", b"ts,expiry\n", b"\x1f\x8b\x08broken"])
@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz"])
def test_a_broken_chain_is_a_sentence(tmp_path: Path, condor: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = run("payoff", condor, "--chain", path)
    assert result.exit_code == 2
    assert name in result.output


def test_an_impossible_parameter_file_is_refused(tmp_path: Path, condor: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("as_of = 2026-01-01\n")
    result = run("margin", condor, "--parameters", path)
    assert result.exit_code == 2
    assert "index: Field required" in result.output
