"""The look of the report's page: light and dark as the reader's system is, a table that becomes cards on a phone."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --panel: #ffffff; --text: #1d1f21; --quiet: #5d646b; --line: #dcdedb;
  --pass: #14693a; --pass-ground: #dff3e6; --fail: #a11622; --fail-ground: #fbe2e3; --not-run: #7a5200;
  --not-run-ground: #fbeecb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181a; --panel: #1e2124; --text: #e8e9ea; --quiet: #a3abb2; --line: #363b40;
    --pass: #7fdca4; --pass-ground: #173524; --fail: #ff9aa0; --fail-ground: #43191d; --not-run: #f0c566;
    --not-run-ground: #3a2e10;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.75rem; }
h3 { font-size: 0.95rem; margin: 1.5rem 0 0.4rem; }
p { margin: 0.3rem 0; }
.quiet, .tier { color: var(--quiet); }
.tier { font-size: 0.75rem; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--panel); font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: 0.85rem; padding: 0.35rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 0.7rem; border: 1px solid var(--line); }
th { font-size: 0.82rem; font-weight: 600; color: var(--quiet); }
td.number, th.number { text-align: right; white-space: nowrap; }
td .tier { display: block; }
.pairs th { width: 16rem; }
.cards th, .cards td { padding: 0.45rem 0.5rem; }
.cards td.text { white-space: nowrap; }
.whole th { color: var(--text); font-size: 0.9rem; background: var(--ground); padding-top: 0.8rem; }
.whole th .quiet { font-weight: 400; font-size: 0.82rem; margin-left: 0.6rem; }
.whole td { font-size: 0.82rem; }
.verdict { padding: 0.1rem 0.55rem; border-radius: 1rem; font-weight: 600; font-size: 0.85rem; white-space: nowrap; }
.pass { color: var(--pass); background: var(--pass-ground); }
.fail { color: var(--fail); background: var(--fail-ground); }
.not-run { color: var(--not-run); background: var(--not-run-ground); }
details { background: var(--panel); border: 1px solid var(--line); border-radius: 0.4rem; margin: 0.6rem 0; }
summary { cursor: pointer; padding: 0.6rem 0.9rem; font-weight: 600; overflow-wrap: anywhere; }
summary .verdict { margin-left: 0.5rem; }
details > div { padding: 0 0.9rem 1rem; }
.picture { display: block; margin: 0.5rem 0 0.9rem; }
.picture { width: 100%; max-width: 46rem; height: auto; background: var(--panel); border: 1px solid var(--line); }
ul { margin: 0.4rem 0; padding-left: 1.2rem; }
code { font: 0.85em ui-monospace, "Liberation Mono", monospace; overflow-wrap: anywhere; }
@media (max-width: 46rem) {
  body { padding: 1.25rem 0.75rem 3rem; }
  .cards thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .cards, .cards tbody, .cards tr, .cards td { display: block; width: 100%; }
  .cards { background: none; }
  .cards tr { background: var(--panel); border: 1px solid var(--line); border-radius: 0.4rem; margin-bottom: 0.8rem; }
  .cards td { border: 0; border-bottom: 1px solid var(--line); }
  .cards td { display: flex; justify-content: space-between; gap: 1rem; }
  .cards td:last-child { border-bottom: 0; }
  .cards tr.whole { background: none; border: 0; }
  .cards .whole th { display: block; border: 0; padding: 0.8rem 0.1rem 0; }
  .cards .whole th .quiet { display: block; margin-left: 0; }
  .cards .whole td { display: block; padding: 0 0.1rem; }
  .cards .whole td::before { content: none; }
  .cards .whole td > span { text-align: left; }
  .cards tr.nothing td:nth-child(n + 3) { display: none; }
  .cards td.number, .cards td.text { white-space: normal; }
  .cards td::before { content: attr(data-label); color: var(--quiet); font-size: 0.82rem; flex: none; }
  .cards td > span { text-align: right; }
  th, td { padding: 0.4rem 0.6rem; }
  .pairs th { width: 9rem; }
  .why { min-width: 16rem; }
  details .scroll table:not(.pairs) { min-width: 34rem; }
}
@media print { body { max-width: none; } details { break-inside: avoid; } }
"""
