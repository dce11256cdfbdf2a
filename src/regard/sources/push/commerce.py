"""Orders, products and money in the e-commerce events of Segment's specification.

`Order Completed`, `Product Viewed` and their kin are interactions like others; what they are about becomes objects,
and money that changed hands becomes the amount. A price that was only looked at stays a property.
Source: Segment Spec, E-Commerce (V2): names of events, properties; currency is US dollars where none is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from regard.blueprint.money import EXPONENTS, minor
from regard.errors import SettingError
from regard.sources.push.words import name

OBJECTS = {"order_id": "order", "checkout_id": "checkout", "cart_id": "cart", "product_id": "product"}
PAID = ("Order Completed",)
PAID_BACK = ("Order Refunded",)
MONEY = ("revenue", "total", "value")
ASSUMED = "USD"
MOST_PRODUCTS = 200
MOST = 2**63
"""Minor units from which on the ledger cannot hold an amount."""


def objects_of(said: Mapping[str, object], types: list[str], ids: list[str]) -> None:
    """Add what an event is about to `types` and `ids`, side by side, each once."""
    for key, kind in OBJECTS.items():
        if key in said and (one := name(said[key])):
            types.append(kind)
            ids.append(one)
    products = said.get("products")
    if isinstance(products, list):
        seen = set(ids)
        for product in products[:MOST_PRODUCTS]:
            one = name(product.get("product_id") or product.get("sku")) if isinstance(product, dict) else None
            if one and one not in seen:
                seen.add(one)
                types.append("product")
                ids.append(one)
    elif "product_id" not in said and (one := name(said.get("sku"))):
        types.append("product")
        ids.append(one)


def money_of(event: str, said: Mapping[str, object]) -> tuple[int, str] | None:
    """Amount in minor units, and its currency, where money changed hands: `revenue`, else `total`, else `value`.

    A refund is negative. Any event that says `revenue` brought some.
    Raises : ValueError if an amount or a currency cannot be read.
    """
    wanted = MONEY if event in PAID or event in PAID_BACK else MONEY[:1]
    key = next((key for key in wanted if said.get(key) not in (None, "")), None)
    if key is None:
        return None
    currency = str(said.get("currency") or ASSUMED).strip().upper()
    if currency not in EXPONENTS:
        raise ValueError(f"currency: {currency[:12]!r} is not a currency of ISO 4217")
    try:
        amount = Decimal(str(said[key]).strip())
        whole = minor(amount, currency)
        if abs(whole) >= MOST:
            raise OverflowError
    except (InvalidOperation, SettingError, ValueError, OverflowError):
        raise ValueError(f"{key}: {str(said[key])[:40]!r} is not an amount of money, such as 19.99") from None
    return (-abs(whole) if event in PAID_BACK else whole), currency
