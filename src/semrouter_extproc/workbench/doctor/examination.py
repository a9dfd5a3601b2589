"""Asks every endpoint of every configured model, several at a time."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

from semrouter_extproc.config import Address, Config
from semrouter_extproc.config.dialects import Backend, Evidence
from semrouter_extproc.core.models import Model
from semrouter_extproc.core.reasoning import Reasoning
from semrouter_extproc.workbench.doctor.endpoint import Endpoint
from semrouter_extproc.workbench.doctor.judging import Verdict, judge
from semrouter_extproc.workbench.doctor.questions import levels_of, question
from semrouter_extproc.workbench.doctor.replies import Reply, Silence
from semrouter_extproc.workbench.progress import Progress

_SECONDS: Final = 120.0
"""For one answer, which a large model may take a while to begin."""

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one endpoint of a model.

    `evidence` is that of the dialect's row, None without one. `detail` is what the verdict
    rests on, `remedy` what to do, "" where all is fine.
    """

    model: str
    endpoint: str
    dialect: str
    backend: Backend
    evidence: Evidence | None
    verdict: Verdict
    detail: str
    remedy: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of the page; `ok` if there is nothing to do."""

    ok: bool
    findings: tuple[Finding, ...]


def examine(
    config: Config, progress: Progress, *, seconds: float = _SECONDS, api_key: str | None = None
) -> Report:
    """Ask all endpoints, each with at most `seconds` for an answer."""
    patients = list(_patients(config))
    progress.step(f"Asking {len(patients)} endpoint{'s' * (len(patients) != 1)}")
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        jobs = [workers.submit(_examine, each, seconds, api_key) for each in patients]
        for job in as_completed(jobs):
            found = job.result()
            progress.detail(f"{found.model} at {found.endpoint}: {found.verdict}")
    findings = tuple(job.result() for job in jobs)
    return Report(all(found.verdict.fine for found in findings), findings)


@dataclass(frozen=True, slots=True)
class _Patient:
    """A model at one endpoint, and the names by which it must be known there.

    Without `aliases` the server may but need not know any.
    """

    model: Model
    backend: Backend
    evidence: Evidence | None
    address: Address
    aliases: tuple[str, ...]


def _patients(config: Config) -> Iterable[_Patient]:
    # Which categories there are makes no difference to models.
    compiled = config.rules(tuple(config.routes)).models
    for name, model in config.models.items():
        row = config.families[model.dialect].row(model.backend)
        evidence = row.backends[model.backend] if row else None
        falls_open = config.envoy.fail_open and name == config.default.model
        aliases = config.aliases if falls_open else ()
        for address in model.endpoints:
            yield _Patient(compiled[name], model.backend, evidence, address, aliases)


def _examine(patient: _Patient, seconds: float, api_key: str | None) -> Finding:
    endpoint = Endpoint(patient.address, seconds=seconds, api_key=api_key)
    judgement = judge(patient.model.dialect, _replies(endpoint, patient))
    return Finding(
        model=patient.model.name,
        endpoint=str(patient.address),
        dialect=patient.model.dialect.name,
        backend=patient.backend,
        evidence=patient.evidence,
        verdict=judgement.verdict,
        detail=judgement.detail,
        remedy=judgement.remedy,
        warnings=(*judgement.warnings, *_misnamed(endpoint.names(), patient)),
    )


def _replies(endpoint: Endpoint, patient: _Patient) -> dict[Reasoning, Reply]:
    replies: dict[Reasoning, Reply] = {}
    for level in levels_of(patient.model.dialect):
        replies[level] = endpoint.ask(question(patient.model, patient.backend, level))
        if isinstance(replies[level], Silence):
            break  # each further question might take as long
    return replies


def _misnamed(served: frozenset[str] | None, patient: _Patient) -> Iterable[str]:
    if served is None:
        return
    if patient.model.name not in served:
        yield f"the server does not list the model as {patient.model.name}"
    if missing := [alias for alias in patient.aliases if alias not in served]:
        yield (
            f"the server does not list {', '.join(missing)}: without a router, requests to an "
            "alias fail there (vLLM takes several names after --served-model-name)"
        )
