"""`semrouter records`: from recorded traffic and its scores to the rows that `tune` reads."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semrouter_extproc.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from semrouter_extproc.core.prompt import Reading
    from semrouter_extproc.workbench.records_join import Joined

_WHY: "Mapping[str, str]" = {
    "ambiguous_id": "the id stands for several requests",
    "not_in_the_log": "the access log has no line with the id",
    "failed": "the answer was no success (HTTP 2xx)",
    "no_tokens": "the answer told no usage; a stream does so only with "
    "stream_options.include_usage",
    "unscored": "the scores have no row with the id",
    "redacted": "the text was redacted; record with `redact: none`",
    "no_prompt": "there is no text of the user's",
    "unknown_arm": "the router left the request as it was, so nobody knows whether it reasoned",
    "one_arm": "the conversation was answered by one arm only",
    "other_arms": "the conversation was answered by other arms than the rows hold",
}
_ONE_ARM = (
    "A log holds one answer to each request. To get the other side, send a small random share of "
    "the prompts once more with the other switch (the header x-reasoning or reasoning_effort), "
    "and score both: docs/replay.md."
)


def records(
    recorded: Annotated[
        list[Path], typer.Option(help="What the recorder wrote: files or folders.")
    ],
    access_log: Annotated[
        list[Path], typer.Option(help="Envoy's access log, plain or .gz; may be repeated.")
    ],
    scores: Annotated[
        Path,
        typer.Option(
            help="How good the answers were: CSV or JSON Lines of `id` (the request's) and "
            "`score` (0 to 1), perhaps `parsed` and `truncated`."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file of paired records to write.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The router's configuration, for its section prompt."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Join recorded requests with their tokens and scores into records for `tune`."""
    from rich.console import Console

    from semrouter_extproc.errors import ConfigError
    from semrouter_extproc.workbench.access_log import read_access_log
    from semrouter_extproc.workbench.recorded import read_recorded
    from semrouter_extproc.workbench.records_join import join
    from semrouter_extproc.workbench.score_column import read_scores
    from semrouter_extproc.workbench.waiting import waiting_on

    with waiting_on(Console(stderr=True)) as progress:
        reading = _reading(config)
        progress.step("Reading the recorded requests")
        requests = read_recorded(recorded)
        progress.step("Reading the access log and the scores")
        logs, judged = [read_access_log(file) for file in access_log], read_scores(scores)
        progress.step("Pairing prompts")
        joined = join(requests, [line for log in logs for line in log.lines], judged, reading)
    if joined.rows:
        _write(joined, out)
    facts = {
        "recorded": len(requests),
        **_facts(joined),
        "other_lines": sum(log.others for log in logs),
    }
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        _show(facts)
    if not joined.rows:
        raise ConfigError("records", [f"no prompt can be paired, nothing is written. {_ONE_ARM}"])
    if not as_json:
        typer.echo(f"Wrote {out}; `semrouter tune --records {out}` reads it.")


def _reading(config: Path | None) -> "Reading":
    from semrouter_extproc.config import load
    from semrouter_extproc.core.prompt import Reading

    return Reading() if config is None else load(config).prompt.compile()


def _write(joined: "Joined", out: Path) -> None:
    import msgspec

    from semrouter_extproc.errors import ConfigError

    try:
        out.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in joined.rows))
    except OSError as error:
        raise ConfigError("--out", [str(error)]) from None


def _facts(joined: "Joined") -> dict[str, Any]:
    return {
        "rows": len(joined.rows),
        "arms": joined.arms,
        "requests": dict(joined.fates),
        "answers_by_arm": joined.observed,
        "unrecorded_lines": joined.unrecorded_lines,
        "unrecorded_scores": joined.unrecorded_scores,
    }


def _show(facts: dict[str, Any]) -> None:
    fates = facts["requests"]
    left = facts["recorded"]
    typer.echo(f"{left:>9,}  requests recorded")
    for name, lost in _STATIONS.items():
        left -= sum(fates.get(fate, 0) for fate in lost)
        typer.echo(f"{left:>9,}  {name}")
    paired = f"in {facts['rows']:,} rows of the arms {' and '.join(facts['arms']) or '-'}"
    typer.echo(f"{fates.get('paired', 0):>9,}  paired, {paired}")
    typer.echo("\nLeft out:")
    for fate, why in _WHY.items():
        if fates.get(fate):
            typer.echo(f"{fates[fate]:>9,}  {why}")
    _show_asides(facts)


_STATIONS = {
    "in the access log": ("ambiguous_id", "not_in_the_log"),
    "answered, with their tokens": ("failed", "no_tokens"),
    "scored": ("unscored",),
    "with a text and a known arm": ("redacted", "no_prompt", "unknown_arm"),
}


def _show_asides(facts: dict[str, Any]) -> None:
    if facts["requests"].get("one_arm"):
        arms = ", ".join(f"{arm} {count:,}" for arm, count in facts["answers_by_arm"].items())
        typer.echo(f"Usable answers by arm: {arms}. {_ONE_ARM}")
    asides = {
        "unrecorded_lines": "lines of the log are of requests that were not recorded",
        "other_lines": "lines of the log are none of its JSON objects",
        "unrecorded_scores": "scores are of requests that were not recorded",
    }
    found = {text: facts[name] for name, text in asides.items() if facts[name]}
    if found:
        typer.echo("\nIn the other files:")
    for text, count in found.items():
        typer.echo(f"{count:>9,}  {text}")
