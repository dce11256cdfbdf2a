"""The room's verb: a year of Halvermoor as its systems would export it, with mappings and a blueprint to read it by."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from regard.demo import accounts, feelings, orders, reach, service, truths, write
from regard.demo.people import HOUR, Columns, People, draw


@dataclass(frozen=True)
class Made:
    """What was written: the folder, how many consumers, and the rows of each export."""

    folder: Path
    people: int
    rows: Mapping[str, int]


def make(
    folder: Path, *, seed: int = truths.SEED, people: int = truths.PEOPLE, response: float = truths.RESPONSE
) -> Made:
    """Write exports/, maps/ and blueprint.yaml of a fictional company into a folder.

    seed     : the same seed gives the same files.
    people   : consumers; the business customers come on top. The stories need some thousands.
    response : share of those asked who answer, at a middling regard.
    Returns  : what was written; nothing is downloaded.
    """
    exports = folder / "exports"
    exports.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    crowd = draw(rng, people)
    rows = {**_consumers(exports, rng, crowd, response), **_business(exports, rng)}
    told = resources.files("regard.demo") / "workspace"
    (folder / "maps").mkdir(exist_ok=True)
    with resources.as_file(told) as source:
        shutil.copyfile(source / "blueprint.yaml", folder / "blueprint.yaml")
        for path in sorted((source / "maps").glob("*.map.yaml")):
            shutil.copyfile(path, folder / "maps" / path.name)
    return Made(folder, people, rows)


def _consumers(exports: Path, rng: np.random.Generator, crowd: People, response: float) -> dict[str, int]:
    bought = orders.draw(rng, crowd)
    wronged, apologies = service.apologies(rng, crowd, bought)
    lived = feelings.moments(bought, (bought.who[wronged], apologies["at"].astype("datetime64[s]")))
    surveys, mended = _surveys(feelings.answers(rng, crowd, bought, lived, response=response))
    return {
        "customers": write.csv(exports, "customers", _register(crowd)),
        "orders": write.csv(exports, "orders", _orders(crowd, bought)),
        "courier": write.jsonl(exports, "courier", _scans(bought)),
        "surveys": write.csv(exports, "surveys", surveys),
        "survey_corrections": write.csv(exports, "survey_corrections", mended),
        "service_desk": write.csv(exports, "service_desk", service.contacts(rng, crowd, bought)),
        "crm_actions": write.csv(exports, "crm_actions", apologies),
        "money_back": write.csv(exports, "money_back", service.money_back(rng, bought)),
        "staff_notes": write.csv(exports, "staff_notes", service.staff_notes(rng, crowd, bought)),
        "web": write.parquet(exports, "web", reach.visits(rng, crowd)),
        "advertisements": write.parquet(exports, "advertisements", reach.advertisements(rng, crowd)),
        "mailings": write.parquet(exports, "mailings", reach.mails(rng, crowd)),
        "till": write.till(exports, "till", reach.till(rng, crowd)),
        "pantry_box": write.csv(exports, "pantry_box", reach.boxes(rng, crowd)),
        "brand_panel": write.csv(exports, "brand_panel", reach.strangers_asked(rng, crowd)),
    }


def _business(exports: Path, rng: np.random.Generator) -> dict[str, int]:
    team = accounts.staff(rng)
    bought = accounts.supplies(rng, team)
    return {
        "business_contacts": write.csv(exports, "business_contacts", accounts.contacts_export(team)),
        "business_orders": write.csv(exports, "business_orders", accounts.orders_export(rng, team, bought)),
        "accounts": write.csv(exports, "accounts", accounts.relations_export(rng, team, bought)),
    }


def _register(crowd: People) -> Columns:
    """The customer register: who can be reached how; only those who joined in the year have a day of joining."""
    return {
        "customer_no": crowd.number,
        "name": np.char.add(np.char.add(crowd.first, " "), crowd.last),
        "email": crowd.email,
        "phone": crowd.phone,
        "town": crowd.town,
        "region": crowd.region,
        "dwelling": np.where(crowd.flat, "flat", "house"),
        "joined_at": crowd.joined,
        "assistance": np.where(crowd.vulnerable, "yes", ""),
    }


def _orders(crowd: People, bought: orders.Orders) -> Columns:
    return {
        "order_no": bought.number,
        "customer_no": crowd.number[bought.who],
        "placed_at": bought.placed,
        "payment_failed_at": bought.failed,
        "paid_at": bought.paid,
        "handed_over_at": bought.handed,
        "cancelled_at": bought.cancelled,
        "promised_on": bought.due.astype("datetime64[D]"),
        "items": bought.items,
        "amount": bought.amount,
        "packaging": bought.packaging,
        "warehouse": bought.warehouse,
        "region": crowd.region[bought.who],
    }


def _scans(bought: orders.Orders) -> Columns:
    """What the courier sends back: the scanner's place, always as promised, and what the photo shows."""
    came = np.flatnonzero(~np.isnat(bought.delivered))
    came = came[np.argsort(bought.delivered[came], kind="stable")]
    return {
        "parcel": bought.number[came],
        "scanned_at": bought.delivered[came],
        "place": np.full(len(came), "to your door"),
        "photo": np.where(bought.entrance[came], "entrance", "door"),
    }


def _surveys(sent: Columns) -> tuple[Columns, Columns]:
    """The survey tool's export, and its later corrections: a score typed wrongly, and an answer withdrawn."""
    n = len(sent["survey"])
    numbered = {"answer_no": np.char.add("Q", np.char.zfill(np.arange(n).astype(str), 7)), **sent}
    said = np.flatnonzero((sent["survey"] == "order") & ~np.isnat(sent["answered_at"]))
    wrong, withdrawn = said[:: max(len(said) // 20, 1)][:20], said[1 :: max(len(said) // 10, 1)][:10]
    which = np.concatenate([wrong, withdrawn])
    ids = np.char.add(numbered["answer_no"][which], ":order_answer")
    first = np.arange(len(which)) < len(wrong)
    return numbered, {
        "correction_no": np.char.add("X", np.char.zfill(np.arange(len(which)).astype(str), 4)),
        "at": np.where(first, sent["answered_at"][which], sent["answered_at"][which] + HOUR),
        "customer_no": sent["customer_no"][which],
        "order_no": sent["order_no"][which],
        "replaces": np.where(first, ids, ""),
        "withdraws": np.where(first, "", ids),
        "score": np.where(first, "3", ""),
    }
