"""Minor units by ISO 4217, durations with their unit."""

import pytest

from regard.blueprint import exponent, minor, seconds, written
from regard.errors import SettingError


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("BRL", 2)])
def test_exponents_follow_the_standard(currency, digits):
    assert exponent(currency) == digits


def test_amounts_are_exact_and_halves_go_to_even():
    assert minor("0.285", "EUR") == 28
    assert minor("0.295", "EUR") == 30
    assert minor("-19.99", "USD") == -1999
    assert minor("1500", "JPY") == 1500
    assert minor(0.1, "KWD") == 100


@pytest.mark.parametrize("wrong", ["twelve", "1,5", ""])
def test_what_is_no_amount_is_refused(wrong):
    with pytest.raises(SettingError, match="not an amount"):
        minor(wrong, "EUR")


def test_an_unknown_currency_names_the_nearest():
    with pytest.raises(SettingError, match="EUR"):
        exponent("eur")


@pytest.mark.parametrize(
    ("said", "span"), [("30m", 1800), ("26w", 15_724_800), ("365d", 31_536_000), ("1h30m", 5400), ("0.5d", 43_200)]
)
def test_durations(said, span):
    assert seconds(said) == span
    assert seconds(written(span)) == span


@pytest.mark.parametrize("wrong", ["30", "", "d", "3x", "-3d", "3 days"])
def test_a_duration_without_its_unit_is_refused(wrong):
    with pytest.raises(SettingError, match="duration"):
        seconds(wrong)
