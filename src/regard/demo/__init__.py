"""What would it look like? A year of a company that does not exist, as its systems would export it, from a seed.

In  : a folder.
Out : exports/ (CSV, JSON lines, Parquet), maps/ and blueprint.yaml in it; what is true of it stands in `truths`.
"""

from __future__ import annotations

from regard.demo.make import Made, make

__all__ = ["Made", "make"]
