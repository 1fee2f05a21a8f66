"""How `leadflow explain` prints a lead: where it stands, by what it came, what happened to it and why."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from leadflow_pipeline.domain.score_reasons import describe_score, describe_watched

_NOT_IN_LINE = ("origins", "rules", "out", "left", "pool")


def print_explanation(console: Console, found: Any) -> None:
    """All that is known of a lead's way; `found` is an `Explanation`."""
    _print_lead(console, found.lead, found.sources)
    for outcome in found.outcomes:
        console.print(
            f"  became      {outcome['stage']} on {outcome['happened_at']:%Y-%m-%d %H:%M:%S %Z} ({outcome['told_by']})"
        )
    console.print("\nWhat happened")
    for event in found.history:
        detail = event["detail"]
        console.print(f"  {event['happened_at']:%Y-%m-%d %H:%M:%S}  {event['kind']:<11} {_one_line(detail)}")
        for line in _verdict(detail):
            console.print(f"{'':34}{line}")


def _print_lead(console: Console, lead: Mapping[str, Any], sources: Any) -> None:
    console.print(f"Lead {lead['lead_id']}: {lead['full_name'] or 'no name'}")
    console.print(
        f"  came from   {lead['source']} by {lead['channel']} (event {lead['event_id']}), read by {lead['rule']}"
    )
    for source in sources:
        if not source["is_first"]:
            when = f"{source['received_at']:%H:%M:%S}"
            console.print(
                f"              and {source['source']} by {source['channel']} (event {source['event_id']}), {when}"
            )
    console.print(f"  received    {lead['received_at']:%Y-%m-%d %H:%M:%S %Z}")
    for what in ("phone_problem", "email_problem", "address_problem"):
        if lead[what]:
            console.print(f"  {what.replace('_problem', ''):<11} {lead[what]}")
    if lead["channel"] == "email":
        console.print(f"  sender      {_sender(lead)}")
    if lead["score"] is None:
        console.print("  score       not scored yet")
    else:
        console.print(f"  score       {lead['score']} ({lead['bucket']}): {describe_score(lead['contributions'])}")
        if watched := describe_watched(lead["contributions"]):
            console.print(f"  also seen   {watched} (no points)")
    console.print(f"  place       {_place(lead)}")


def _sender(lead: Mapping[str, Any]) -> str:
    if lead["sender_unproven"]:
        return f"may be forged: nothing proves that this is from {lead['source']}, so the lead is standard at most"
    return {
        "pass": "proven by DKIM, SPF or DMARC",
        "fail": "not proven by DKIM, SPF or DMARC; it claims no portal",
    }.get(lead["authentication"], "not checked: LEADFLOW_AUTHSERV_ID is unset, or the host said nothing")


def _place(lead: Mapping[str, Any]) -> str:
    if lead["merged_into"]:
        return f"none of its own: it is the same inquiry as lead {lead['merged_into']}"
    if lead["method"] == "drip":
        return "the drip: its score is low, so no agent is given it"
    if lead["agent_id"]:
        seconds = (lead["assigned_at"] - lead["received_at"]).total_seconds()
        return f"{lead['agent_name']} ({lead['agent_id']}) by {lead['method']}, {_seconds(seconds)} after it arrived"
    if lead["claim_status"] in ("announced", "open"):
        return f"offered in Slack until {lead['deadline_at']:%H:%M:%S}"
    if lead["waiting_reason"]:
        return f"waits: {lead['waiting_reason']}"
    return "on its way"


def _verdict(detail: Mapping[str, Any]) -> Iterator[str]:
    """The agents who fell out at each step, and those who were left."""
    for step, reasons in detail.get("out", {}).items():
        for reason, agents in reasons.items():
            yield f"{step}: {reason}" + (f": {', '.join(agents)}" if agents else "")
    if detail.get("left"):
        yield f"left: {', '.join(detail['left'])}"


def _one_line(detail: Mapping[str, Any]) -> str:
    parts = [
        f"{name.replace('_', ' ')} {value}" for name, value in detail.items() if name not in _NOT_IN_LINE and value
    ]
    parts += [f"{rule['rule']} {rule['points']:+d}" for rule in detail.get("rules", ()) if rule["points"]]
    return ", ".join(parts)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
