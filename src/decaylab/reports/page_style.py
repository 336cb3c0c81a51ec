"""How a report looks: on a wide screen and a narrow one, light and dark, and on paper.

A figure is drawn while the page is read and keeps its size when it is printed: so columns are there before their
figures are (`auto-fill`), and those of the screen are as wide as those of the paper.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --ground: #ffffff; --raised: #f6f8fa;
  --line: #d0d7de; --good: #0b6b4b; --bad: #a83a00; --doubt: #6e5200; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e7eb; --soft: #a3adb8; --ground: #15181c; --raised: #1e2329;
  --line: #3a424b; --good: #4cc9a0; --bad: #ff9561; --doubt: #e3b94f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 1.5rem 1.25rem 3rem; color: var(--ink); background: var(--ground);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; max-width: 80ch; overflow-wrap: anywhere; }
.soft, .notes, .missing { color: var(--soft); font-size: .875rem; }
.own-note { border-left: 3px solid var(--line); padding-left: .75rem; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
li { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; color: var(--soft); white-space: nowrap; }
td { min-width: 4rem; } .keys td { overflow-wrap: anywhere; min-width: 5rem; }
.keys tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 8rem; max-width: 22rem; }
.figures td { white-space: nowrap; }
@media (min-width: 900px) { .keys tbody th:nth-last-child(-n+4) { min-width: 17.5rem; } }
.met { color: var(--good); font-weight: 600; } .missed { color: var(--bad); font-weight: 600; }
.doubt { color: var(--doubt); }
.finding { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .9rem;
  margin: .6rem 0; }
.finding h4 { margin: 0 0 .2rem; font-size: .95rem; }
.severe { color: var(--bad); } .warning { color: var(--doubt); } .note { color: var(--soft); }
code { display: block; font: .82rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--raised); padding: .35rem .5rem; border-radius: 4px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: .5rem; }
.panels.one { grid-template-columns: minmax(0, 680px); } .parallel .panels.one { grid-template-columns: 1fr; }
.panels > div { min-width: 0; position: relative; }
.parallel { overflow-x: auto; } .parallel .panels { min-width: 900px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; font-size: .875rem; }
.legend svg { width: 28px; height: 12px; margin-right: .4rem; vertical-align: -1px; }
.js-plotly-plot .cartesianlayer text, .js-plotly-plot .infolayer text { fill: var(--ink) !important; }
@media (max-width: 600px) { body { padding: 1rem .75rem 2rem; } h1 { font-size: 1.25rem; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --ground: #fff; --raised: #fff; --line: #bbb;
    --good: #0b6b4b; --bad: #a83a00; --doubt: #6e5200; }
  @page { margin: 11mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .modebar-container { display: none; }
  .wide, .parallel { overflow: visible; } .parallel .panels { min-width: 0; }
  .panels { grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); }
  td, .keys td { min-width: 2.5rem; }
  thead tr:has(th:nth-child(6)) th, .keys thead tr:has(th:nth-child(5)) th { overflow-wrap: anywhere; }
  .keys tbody th:nth-last-child(-n+4) { min-width: 12.5rem; }
  .keys tbody th:nth-last-child(-n+3) { min-width: 17.5rem; }
  h2, h3, p:has(+ .figure, + code), .figure:has(+ .notes) { break-after: avoid; }
  p, li, code, tr, .figures, .finding, .figure { break-inside: avoid; }
}
"""
