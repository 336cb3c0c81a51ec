"""The report: one HTML page of one run or several that needs nothing but itself, from disk and without a network.

Nothing here is JavaScript of our own: plotly writes what draws its figures, and its library is inlined once. The
page's content security policy forbids it every request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from decaylab.diagnosis.findings import Finding
from decaylab.errors import MissingExtraError
from decaylab.reports import page_sections as sections
from decaylab.reports.markup import bullets, paragraph, section, text
from decaylab.reports.page_figures import SAID, figure
from decaylab.reports.pictures import KINDS
from decaylab.reports.stored import Evidence

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
_NO_SCRIPT = "<noscript><p>The figures are drawn by JavaScript, which is switched off here.</p></noscript>"


def page(
    runs: Sequence[Evidence],
    found: Mapping[str, Sequence[Finding]],
    title: str | None = None,
    note: str | None = None,
) -> str:
    """The page as text.

    Args:
        runs: what `pictures.gathered` gave.
        found: findings of `runlog.diagnose` by the path of the run.
        title, note: plain text; None: the runs' names, nothing.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise MissingExtraError("plotly", "report", "a report") from None
    heading = title if title is not None else ", ".join(run.label for run in runs)
    body = "".join([_head(runs, heading, note), *_parts(runs, found)])
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{text(heading)}</title>\n<style>\n{_style()}</style>\n<script>{get_plotlyjs()}</script>\n"
        f"</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _head(runs: Sequence[Evidence], heading: str, note: str | None) -> str:
    several = len(runs) > 1
    parts = [f"<header><h1>{text(heading)}</h1>"]
    if note is not None:
        parts.append("".join(paragraph(line, "own-note") for line in note.splitlines()))
    parts.append(f"{_NO_SCRIPT}</header>\n")
    parts.append(section("verdict", "Verdict", sections.verdict(runs)))
    wrong = [line for run in runs for line in sections.problems(run, several)]
    if wrong:
        parts.append(section("missing", "Missing or wrong in the record", bullets(wrong)))
    parts.append(section("run", "The runs" if several else "The run", sections.facts(runs)))
    return "".join(parts)


def _parts(runs: Sequence[Evidence], found: Mapping[str, Sequence[Finding]]) -> list[str]:
    several = len(runs) > 1
    parts = []
    if several:
        parts.append(section("differences", "Differences in settings", sections.differing(runs)))
    parts.append(section("metrics", "Metrics", sections.metrics(runs)))
    for kind, (title, _) in SAID.items():
        if kind == "parallel" and not several:
            continue
        picture, missing = KINDS[kind](runs)
        parts.append(section(kind, title, figure(picture, kind, missing)))
    own = [sections.findings(found.get(run.record.path, ()), run.record.status) for run in runs]
    heads = [f"<h3>{text(run.label)}</h3>" if several else "" for run in runs]
    parts.append(section("findings", "Findings", "".join(a + b for a, b in zip(heads, own, strict=True))))
    parts.append(section("settings", "Settings", sections.recorded(runs, "settings")))
    parts.append(section("environment", "Environment", sections.recorded(runs, "surroundings")))
    return parts


def _style() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")
