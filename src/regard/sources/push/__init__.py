"""What did a program send us? Bodies of requests become facts for the log, and items that do not fit, reasons.

    segment.py      track, identify, page, screen, group, alias and batches of them, as Segment's libraries send them
    commerce.py     orders, products and money in the e-commerce events of that convention
    cloudevents.py  CloudEvents 1.0: binary, structured, batched
    plain.py        our own interactions as JSON
    hooks.py        any JSON by a mapping file
    signatures.py   who signed a webhook

    moments.py      times, and clocks that are wrong
    words.py        anything in JSON as the texts of properties
    heard.py        what came of a body

Every function is pure: body, headers and the time of receipt in, `Heard` out.
"""

from __future__ import annotations

from regard.sources.push.heard import Bounds, Heard

__all__ = ["Bounds", "Heard"]
