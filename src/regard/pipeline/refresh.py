"""What is new, brought into every table: the same verbs as in `flow.py`, over the islands of people that it concerns.

    the ledger's news -> islands -> identity -> journeys -> experience -> value -> an update over the last run

What was fitted stands; what is counted over everybody gets the difference. The result is what `regard run --keep-fits`
gives from nothing, and where this way would not give it, or be no shorter, that is what is run (ADR-0015).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import ibis
import ibis.expr.types as ir

from regard import board, identity, journeys
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, Published, Update
from regard.errors import WorkspaceError
from regard.ledger import Ledger, Noted, Reading, named
from regard.pipeline.fitted import kept
from regard.pipeline.flow import (
    MEMBERSHIPS,
    READ,
    Order,
    River,
    Say,
    Stands,
    appraise,
    default_as_of,
    mark,
    run,
    seal,
    silent,
)
from regard.pipeline.islands import Islands, News, World, fallen_due, find_islands, of_islands
from regard.tables import table as table_named
from regard.workspace import Workspace

NAME = ["source", "interaction_id"]
SHARE, LEAST_ROWS = 3, 300_000
"""Islands with more than a third of all touches, and so many rows, are no shorter way."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did.

    n_new, n_gone : interactions that came, and that hold no longer. n_due : promises that fell due meanwhile.
    n_people      : people whose tables were worked out.
    whole         : why everything was worked out on the same fits; None if it was not.
    """

    published: Published
    n_new: int = 0
    n_gone: int = 0
    n_due: int = 0
    n_people: int = 0
    whole: str | None = None

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        said = {name: value for name, value in asdict(self).items() if name != "published"}
        return {**said, "run": self.published.run, "as_of": self.published.as_of.isoformat()}

    def line(self) -> str:
        """For people."""
        if self.whole is not None:
            return f"Everything was worked out on the same fits: {self.whole}."
        if not (self.n_new or self.n_gone or self.n_people):
            return "Nothing is new."
        parts = [f"{self.n_new:,} new interactions"]
        parts += [f"{n:,} {word}" for n, word in ((self.n_gone, "taken back"), (self.n_due, "promises due")) if n]
        return f"{', '.join(parts)}: the tables of {self.n_people:,} people were brought up to date."


def refresh(workspace: Workspace, engine: Engine, *, now: dt.datetime, say: Say = silent) -> Refreshed:
    """Bring what is new since the last run or refresh into every table.

    now    : UTC; the time of knowing of a live workspace.
    Raises : WorkspaceError if nothing has been worked out yet, the blueprint has changed since, or the last run was
             asked for as of a time.
    """
    blueprint = read_blueprint(workspace.blueprint)
    published = Published.current(workspace)
    if published.facts.get("blueprint") != mark(workspace):
        raise WorkspaceError(
            "The blueprint has changed since the last run, and with it what the past means.", hint="regard run"
        )
    if published.facts.get("pinned"):
        raise WorkspaceError(
            f"The last run is as of {published.as_of:%Y-%m-%d %H:%M} UTC, as it was asked to be.",
            hint="Work out what has come since: regard run",
        )
    ledger = Ledger.open(workspace)
    seal(ledger, now=now)
    reading, earlier = ledger.reading(engine), Noted.load(published.note(READ))
    as_of = now if blueprint.live else default_as_of(reading.rows(), blueprint, engine, now=now)
    try:
        if as_of < published.as_of:
            raise identity.Elsewhere("the time of knowing has gone back")
        if reading.noted.sides["rates"] != earlier.sides["rates"]:
            raise identity.Elsewhere("rates of money have changed")
        say("What is new")
        refreshing = _Refreshing(published, blueprint, ledger, engine, as_of, now, say)
        return refreshing.bring(reading, earlier)
    except identity.Elsewhere as reason:
        horizon = published.facts.get("horizon_s")
        order = Order(now=now, horizon_s=float(str(horizon)) if horizon else None, keep_fits=True)
        return Refreshed(run(workspace, engine, order, say=say), whole=str(reason))


@dataclass(frozen=True)
class _Refreshing:
    """One refresh: the run it goes on from, and what every step needs."""

    published: Published
    blueprint: Blueprint
    ledger: Ledger
    engine: Engine
    as_of: dt.datetime
    now: dt.datetime
    say: Say

    def table(self, name: str) -> ir.Table:
        return self.published.table(name, self.engine)

    def bring(self, reading: Reading, earlier: Noted) -> Refreshed:
        """From what came and went to an update that readers see."""
        engine, touches = self.engine, self.table("touches")
        since = reading.since(earlier, there=touches.select(*NAME), known_to=self.published.as_of, as_of=self.as_of)
        came = since.new.mutate(person_id=ibis.null("string"))
        new = engine.keep(journeys.touch(came, self.blueprint))
        gone = touches.semi_join(named(since.gone, engine), NAME) if since.gone else touches.limit(0)
        news = News(new, engine.keep(gone), reading.noted.sides["decisions"] != earlier.sides["decisions"])
        due = engine.keep(fallen_due(self.table("promises"), self.as_of))
        n_new, n_gone, n_due = (self._n(rows) for rows in (news.new, news.gone, due))
        members = self._members(reading, earlier)
        if not (n_new or n_gone or n_due or news.decided or self._n(members)):
            return Refreshed(self._noted(reading, earlier))
        world, decisions = self._world(), self.ledger.side("decisions", engine)
        islands = find_islands(
            news,
            world,
            self.blueprint,
            engine,
            people=ibis.union(
                self._late_records(news), members, due.filter(due.person_id.notnull()).select("person_id")
            ),
            objects=due.filter(due.object_id.notnull()).select(type="object_type", id="object_id"),
        )
        old = of_islands(islands, world, engine)
        if (n := self._n(old)) > max(LEAST_ROWS, self.published.counts["touches"] // SHARE):
            raise identity.Elsewhere(f"it concerns {n:,} of {self.published.counts['touches']:,} interactions")
        update = Update(self.published, engine, as_of=self.as_of, now=self.now)
        try:
            n_people = self._work_out(update, news, islands, old, decisions)
            update.note(READ, reading.noted.save())
            if reading.noted.sides[MEMBERSHIPS] != earlier.sides[MEMBERSHIPS]:
                update.keep(MEMBERSHIPS, self.ledger.side(MEMBERSHIPS, engine))
            published = update.publish(self._facts(reading))
        except BaseException:
            update.abandon()
            raise
        return Refreshed(published, n_new, n_gone, n_due, n_people)

    def _work_out(self, update: Update, news: News, islands: Islands, old: ir.Table, decisions: ir.Table) -> int:
        """The river over the islands."""
        engine, blueprint = self.engine, self.blueprint
        self.say("Who it happened to")
        assigned, settled = self._identify(news, islands, old, decisions)
        persons = update.write("persons", settled.persons)
        update.write("merges", settled.merges)
        update.gone("handle", settled.gone_handles)
        update.gone("merge", settled.gone_merges)

        self.say("What they went through")
        touches = update.write("touches", assigned, order_by=journeys.TOUCH_ORDER)
        theirs = touches.filter(touches.person_id.notnull()).select("person_id").distinct()
        people = engine.keep(islands.people.union(theirs, distinct=True))
        nobodys = engine.keep(_nobodys(old).union(_nobodys(news.gone)))
        update.gone("person", people)
        update.gone("interaction", nobodys)
        numbers = engine.keep(board.number_more(touches, self.table("profiles")))
        update.number(numbers)
        update.write("object_people", journeys.object_people(touches, blueprint))
        update.gone("object", islands.objects)
        before = self.table("touches").anti_join(people, "person_id").anti_join(nobodys, NAME)
        everyone = before.union(touches)
        walked = self._gone_journeys(islands)
        taken = self._n(news.gone) > 0
        names = ("journeys", "steps", "step_names", "variants", "flows")
        known = {name: self.table(name) for name in names}
        told = journeys.Told(**known, gone=walked, taken=taken, everyone=everyone, numbers=numbers)
        for name, table in journeys.resume(touches, told, blueprint, engine).items():
            update.write(name, table)
        update.gone("journey", walked)

        promises = self.table("promises")
        loose = promises.filter(promises.person_id.isnull())
        its = islands.objects.select(object_type="type", object_id="id")
        update.gone("promise", loose.semi_join(its, ["object_type", "object_id"]).select("promise_id"))
        given = Stands(
            kept(self.published, blueprint, engine),
            self.table("predictions"),
            everyone if _records(blueprint) else None,
        )
        river = River(blueprint, self.ledger, engine, update, self.as_of, self._horizon(), self.say)
        _, made = appraise(touches, river, given)

        self.say("What pages ask")
        made = {**made, "touches": touches, "everyone": everyone, "persons": persons, "numbers": numbers}
        counted = {name: self.table(name) for name in ("arrivals", "segments")}
        was = old.union(news.gone.anti_join(old, NAME))
        for name, table in board.gather_more(made, counted, was, engine, taken=taken).items():
            update.write(name, table, order_by=table_named(name).key)
        return self._n(theirs)

    def _identify(
        self, news: News, islands: Islands, old: ir.Table, decisions: ir.Table
    ) -> tuple[ir.Table, identity.Settled]:
        """Touches of the islands with the person of each, and who is who among them."""
        engine, blueprint = self.engine, self.blueprint
        stay = old.anti_join(news.gone.select(*NAME), NAME)
        both = stay.union(news.new.select(stay.columns)).rename(occurred_at="at").drop("person_id")
        rows = engine.keep(both.mutate(account=both.own_account, role=both.own_role))
        before = identity.Before(self.table("persons"), self.table("merges"), islands.people)
        resolved = identity.resolve(
            rows,
            _about(decisions, islands, blueprint),
            blueprint,
            engine,
            elsewhere=identity.seen_elsewhere(rows, before, blueprint, engine),
        )
        settled = identity.settle(
            resolved,
            before,
            new=news.new.rename(occurred_at="at"),
            gone=news.gone.rename(occurred_at="at"),
            objects=islands.objects,
            blueprint=blueprint,
            engine=engine,
        )
        memberships = self.ledger.side(MEMBERSHIPS, engine)
        theirs = identity.belong(resolved.assigned, memberships, resolved.persons, blueprint, engine)
        return journeys.with_object(theirs.rename(at="occurred_at"), blueprint), settled

    def _gone_journeys(self, islands: Islands) -> ir.Table:
        """Numbers of the islands' journeys as they were told."""
        told = self.table("journeys")
        its = islands.objects.select(journey_id=islands.objects["type"] + ":" + islands.objects.id)
        theirs = told.semi_join(islands.people, "person_id").select("journey")
        nobodys = told.filter(told.person_id.isnull()).semi_join(its, "journey_id").select("journey")
        return self.engine.keep(theirs.union(nobodys))

    def _world(self) -> World:
        decisions = self.ledger.side("decisions", self.engine)
        decided = identity.paired(decisions, self.blueprint)
        names = ("persons", "touches", "object_people", "promises")
        return World(**{name: self.table(name) for name in names}, decided=self.engine.keep(decided))

    def _members(self, reading: Reading, earlier: Noted) -> ir.Table:
        """People whose memberships of accounts have changed: (person_id)."""
        persons = self.table("persons")
        if reading.noted.sides[MEMBERSHIPS] == earlier.sides[MEMBERSHIPS]:
            return persons.limit(0).select("person_id")
        was, now = self.published.kept(MEMBERSHIPS, self.engine), self.ledger.side(MEMBERSHIPS, self.engine)
        changed = self.engine.keep(now.difference(was).union(was.difference(now)))
        named = changed.filter(changed.handle.notnull())
        named = named.select("kind", handle=identity.normalised(named.kind, named.handle, self.blueprint))
        theirs = persons.semi_join(named, ["kind", "handle"]).filter(lambda t: t.person_id.notnull())
        return theirs.select("person_id").distinct()

    def _late_records(self, news: News) -> ir.Table:
        """People whose impressions of a record (of a seller) rest on answers that came late, or are gone."""
        touches = self.table("touches")
        places = {spec.on for spec in self.blueprint.impressions if spec.record is not None}
        if not places:
            return touches.limit(0).select("person_id")
        asks = ibis.or_(*(ibis.literal(True) if one is None else touches.touchpoint == one for one in places))
        both = news.new.union(news.gone)
        bears = both.rating.notnull() | (ibis.literal(True) if None in places else both.touchpoint.isin(list(places)))
        first = both.filter(bears).aggregate(first=both.filter(bears)["at"].min())
        since = self.engine.rows(first)["first"][0].as_py()
        if since is None:
            return touches.limit(0).select("person_id")
        late = touches.filter(asks & (touches["at"] > ibis.literal(since).cast(touches["at"].type())))
        return late.filter(late.person_id.notnull()).select("person_id").distinct()

    def _noted(self, reading: Reading, earlier: Noted) -> Published:
        """Nothing is new; what was read of the ledger may have moved."""
        if reading.noted == earlier:
            return self.published
        update = Update(self.published, self.engine, as_of=self.published.as_of, now=self.now)
        update.note(READ, reading.noted.save())
        return update.publish(self._facts(reading))

    def _facts(self, reading: Reading) -> Mapping[str, object]:
        return {**self.published.facts, "ledger_version": reading.noted.number}

    def _horizon(self) -> float:
        said = self.published.facts.get("horizon_s")
        return float(str(said)) if said else self.blueprint.value.horizon_s

    def _n(self, rows: ir.Table) -> int:
        return int(self.engine.rows(rows.aggregate(n=rows.count()))["n"][0].as_py())


def _nobodys(rows: ir.Table) -> ir.Table:
    """Names of the rows that have no person: an update takes their place one by one."""
    return rows.filter(rows.person_id.isnull()).select(*NAME)


def _about(decisions: ir.Table, islands: Islands, blueprint: Blueprint) -> ir.Table:
    """Decisions about handles of the islands."""
    pairs = identity.paired(decisions, blueprint, keep=tuple(decisions.columns))
    one = pairs.semi_join(islands.handles, [pairs.kind == islands.handles.kind, pairs.one == islands.handles.handle])
    other = pairs.semi_join(
        islands.handles, [pairs.other_kind == islands.handles.kind, pairs.two == islands.handles.handle]
    )
    return one.union(other, distinct=True).select(decisions.columns)


def _records(blueprint: Blueprint) -> bool:
    return any(spec.record is not None for spec in blueprint.impressions)
