"""Facts of a ledger written to MLflow, so that writing them again adds nothing.

    experiment   a job
      run        a finalised round, and one run with every round's figures by step, for curves
    model        a release's name; a version for each release, the alias `released` at the current one

A round whose model the court convicted, that stands on such a one, or that a rewind left out has the tag `convicted`,
and its run the status FAILED; so have versions the tag. Where a reorganisation takes a conviction back, so do these.

Everything is found again by its tags before it is made, and every number before it is logged. So a writer that was
killed anywhere is gone on from, and one that was behind catches up. Nothing is read back into the ledger. Two writers
to one MLflow at the same time are not kept apart.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import Refuted, Unavailable, UsageError
from participant.tracking.facts import TrackedJob, TrackedLedger, TrackedRelease, TrackedRound

TAG = "fedledger."
ALIAS = "released"
CONVICTED = "convicted"
STANDS = "it stands"
ALL = "all rounds"
PAGE = 1000
BATCH = 500
MAX_TAG = 5000
_UNUSUAL = re.compile(r"[^\w\-. :/]", re.ASCII)


@dataclass
class TrackingAdded:
    """What a pass added: names of experiments, runs, versions; how many numbers; aliases set or removed; what was
    marked as convicted, or is no more.
    """

    experiments: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    numbers: int = 0

    @property
    def anything(self) -> bool:
        """Whether MLflow has more than before."""
        return bool(self.experiments or self.runs or self.versions or self.aliases or self.marks or self.numbers)


@dataclass
class Writer:
    """Writes to an MLflow client; `prefix` begins the names of registered models."""

    client: Any
    prefix: str = ""
    done: TrackingAdded = field(default_factory=TrackingAdded)

    def write(self, facts: TrackedLedger) -> TrackingAdded:
        """What is missing there. Raises Refuted where MLflow has another model under a round or release of this ledger,
        UsageError where a model's name is another ledger's, and what MLflow raises.
        """
        self.done = TrackingAdded()
        for job in facts.jobs:
            self._job(job, [one for one in facts.releases if one.job == job.number])
        for name in sorted({one.name for one in facts.releases}):
            self._model(facts, name, [one for one in facts.releases if one.name == name])
        return self.done

    def _job(self, job: TrackedJob, releases: list[TrackedRelease]) -> None:
        experiment = self._experiment(job)
        runs = {run.data.tags.get(TAG + "round"): run for run in self._runs(experiment)}
        curves = _curves(releases)
        whole = runs.get("all") or self._begin(experiment, ALL, {**job.tags, "round": "all"}, job.rounds[0].began)
        logged = {key: self._steps(whole, key) for key in whole.data.metrics}
        for round_ in job.rounds:
            metrics = {**round_.metrics, **curves.get(round_.number, {})}
            self._round(experiment, round_, metrics, runs.get(str(round_.number)), whole)
            self._log(whole, round_, {k: v for k, v in metrics.items() if round_.number not in logged.get(k, ())})

    def _experiment(self, job: TrackedJob) -> str:
        found = self.client.get_experiment_by_name(job.title)
        if found is None:
            note = {"mlflow.note.content": f"{job.tags['name']}: {job.title}"}
            self.done.experiments.append(job.title)
            return str(self.client.create_experiment(job.title, tags={**_tags(job.tags), **note}))
        if found.lifecycle_stage != "active":
            raise UsageError(
                "the experiment of this job was deleted in MLflow",
                advice="restore it there, or purge it: mlflow gc",
                experiment=job.title,
            )
        return str(found.experiment_id)

    def _runs(self, experiment: str) -> Iterator[Any]:
        return _paged(lambda token: self.client.search_runs([experiment], max_results=PAGE, page_token=token))

    def _round(self, experiment: str, round_: TrackedRound, metrics: Mapping[str, float], run: Any, whole: Any) -> None:
        if run is None:
            tags = {**round_.tags, "mlflow.parentRunId": whole.info.run_id}
            run = self._begin(experiment, f"round {round_.number}", tags, round_.began)
        _require_same("round", f"round {round_.number}", round_.root, run.data.tags)
        self._log(run, round_, {name: value for name, value in metrics.items() if name not in run.data.metrics})
        status = "FAILED" if round_.convicted else "FINISHED"
        if run.info.status != status:
            self.client.set_terminated(run.info.run_id, status, end_time=round_.ended)
        had = run.data.tags.get(TAG + CONVICTED, "")
        if had != round_.convicted:
            if round_.convicted:
                self.client.set_tag(run.info.run_id, TAG + CONVICTED, round_.convicted)
            else:
                self.client.delete_tag(run.info.run_id, TAG + CONVICTED)
            self.done.marks.append(f"job {round_.tags['job']}, round {round_.number}: {round_.convicted or STANDS}")

    def _begin(self, experiment: str, name: str, tags: Mapping[str, str], began: int) -> Any:
        self.done.runs.append(name)
        return self.client.create_run(experiment, start_time=began, tags=_tags(tags), run_name=name)

    def _steps(self, run: Any, key: str) -> frozenset[int]:
        return frozenset(one.step for one in self.client.get_metric_history(run.info.run_id, key))

    def _log(self, run: Any, round_: TrackedRound, metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        made = [Metric(name, value, round_.ended, round_.number) for name, value in sorted(metrics.items())]
        for start in range(0, len(made), BATCH):
            self.client.log_batch(run.info.run_id, metrics=made[start : start + BATCH])
        self.done.numbers += len(made)

    def _model(self, facts: TrackedLedger, plain: str, releases: list[TrackedRelease]) -> None:
        """A release may have more versions than one: `fedledger export --mlflow` makes those with files. The alias is
        at the first; all of them say that they are revoked.
        """
        name = self.prefix + plain
        model, found = self._registered(facts, name), sorted(self._versions(name), key=_place)
        versions = dict[str, Any]()
        for release in releases:
            made = [one for one in found if one.tags.get(TAG + "release") == release.id]
            made = made or [self._version(name, release)]
            versions[release.id] = made[0]
            for version in made:
                _require_same("release", f"{name} {release.version}", release.tags["root"], version.tags)
                self._revoked(name, release, version)
                self._convicted(name, release, version)
        current = next((one for one in releases if one.current), None)
        if current is not None or plain not in facts.current:
            self._alias(name, model, current, versions)

    def _revoked(self, name: str, release: TrackedRelease, version: Any) -> None:
        if release.revoked is not None and TAG + "revoked" not in version.tags:
            self.client.set_model_version_tag(name, version.version, TAG + "revoked", release.revoked or "yes")
            self.done.aliases.append(f"{name} {release.version}: revoked")

    def _convicted(self, name: str, release: TrackedRelease, version: Any) -> None:
        if version.tags.get(TAG + CONVICTED, "") == release.convicted:
            return
        if release.convicted:
            self.client.set_model_version_tag(name, version.version, TAG + CONVICTED, release.convicted)
        else:
            self.client.delete_model_version_tag(name, version.version, TAG + CONVICTED)
        self.done.marks.append(f"{name} {release.version}: {release.convicted or STANDS}")

    def _alias(self, name: str, model: Any, current: TrackedRelease | None, versions: Mapping[str, Any]) -> None:
        """The alias at the current release's version; none where members revoked all of them."""
        had = model.aliases.get(ALIAS)
        if current is None and had is not None:
            self.client.delete_registered_model_alias(name, ALIAS)
            self.done.aliases.append(f"{name}: {ALIAS} removed")
        elif current is not None and str(had) != str(versions[current.id].version):
            self.client.set_registered_model_alias(name, ALIAS, versions[current.id].version)
            self.done.aliases.append(f"{name}: {ALIAS} is {current.version}")

    def _registered(self, facts: TrackedLedger, name: str) -> Any:
        found = [one for one in self.client.search_registered_models(f"name = '{_quoted(name)}'") if one.name == name]
        if not found:
            return self.client.create_registered_model(name, tags=_tags(facts.tags))
        theirs = {tag: found[0].tags.get(TAG + tag) for tag in facts.tags}
        if theirs != dict(facts.tags):
            raise UsageError(
                f"MLflow has a model {name!r} that is not this ledger's",
                advice="give --prefix, which begins the names of this ledger's models there",
                expected=", ".join(facts.tags.values()),
                actual=", ".join(str(value) for value in theirs.values()),
            )
        return found[0]

    def _versions(self, name: str) -> Iterator[Any]:
        wanted = f"name = '{_quoted(name)}'"
        return _paged(lambda token: self.client.search_model_versions(wanted, max_results=PAGE, page_token=token))

    def _version(self, name: str, release: TrackedRelease) -> Any:
        self.done.versions.append(f"{name} {release.version}")
        return self.client.create_model_version(name, release.source, tags=_tags(release.tags))


def _paged(search: Callable[[str | None], Any]) -> Iterator[Any]:
    """What is on all pages of an answer. Raises Unavailable for a page that leads nowhere."""
    token, before = None, set[str]()
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return
        if not page or token in before:
            raise _nonsense("a page that leads on", f"{len(page)} entries, and the token {token!r:.80}")
        before.add(token)


def _place(version: Any) -> int:
    """A version's number. Raises Unavailable where it is none."""
    if not str(version.version).isdecimal():
        raise _nonsense("a version's number", repr(version.version)[:80])
    return int(version.version)


def _nonsense(expected: str, actual: str) -> Unavailable:
    advice = "look into the server that --tracking names"
    return Unavailable("MLflow answers as no MLflow does", advice=advice, expected=expected, actual=actual)


def _curves(releases: Iterable[TrackedRelease]) -> dict[int, dict[str, float]]:
    """By round: the figures of releases' reports, each under its release's name, so that no two are mixed up."""
    found: dict[int, dict[str, float]] = {}
    for release in releases:
        for number, figures in release.curves.items():
            names = {_UNUSUAL.sub("_", f"{release.name} {release.version}/{name}"): v for name, v in figures.items()}
            found.setdefault(number, {}).update(names)
    return found


def _require_same(what: str, called: str, root: str, tags: Mapping[str, str]) -> None:
    if tags.get(TAG + "root") != root:
        raise Refuted(
            f"MLflow has another model under this ledger's {what}",
            advice="somebody changed it there, or the chain went back too far: delete it there, and run this again",
            **{what: called},
            expected=root,
            actual=tags.get(TAG + "root", "none"),
        )


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name if name.startswith("mlflow.") else TAG + name: value[:MAX_TAG] for name, value in tags.items()}


def _quoted(name: str) -> str:
    return name.replace("'", "\\'")
