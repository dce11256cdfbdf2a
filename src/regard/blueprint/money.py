"""Money: minor units by ISO 4217, so that nobody multiplies yen by a hundred."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from regard.errors import SettingError, nearest

NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE = "BHD IQD JOD KWD LYD OMR TND"
FOUR = "CLF UYW"
TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS = {code: digits for digits, codes in ((0, NONE), (2, TWO), (3, THREE), (4, FOUR)) for code in codes.split()}


def exponent(currency: str) -> int:
    """How many decimal digits the minor unit of a currency has.

    currency : ISO 4217 code in capitals; codes in circulation, funds codes included, metals and tests left out.
    Raises   : SettingError if there is no such code, with the nearest.

    >>> exponent("EUR"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    if currency not in EXPONENTS:
        close = nearest(currency.upper(), EXPONENTS)
        raise SettingError(
            f"{currency!r} is not a currency of ISO 4217.",
            allowed="three capital letters, such as EUR, USD or JPY",
            hint=f"Did you mean {close!r}?" if close else None,
        )
    return EXPONENTS[currency]


def minor(amount: Decimal | str | float, currency: str) -> int:
    """An amount in major units as whole minor units, halves to even.

    Raises : SettingError if it is not a number, or the currency is unknown.

    >>> minor("19.99", "EUR"), minor("1500", "JPY"), minor("0.1255", "KWD")
    (1999, 1500, 126)
    """
    try:
        exact = Decimal(str(amount)).scaleb(exponent(currency))
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    except InvalidOperation:
        raise SettingError(f"{amount!r} is not an amount of money.", allowed="a plain number such as 12.50") from None


def minor_exact(amount: float, currency: str) -> float:
    """An amount in major units as minor units without rounding, for costs by the minute that are less than a cent."""
    return amount * float(10 ** exponent(currency))
