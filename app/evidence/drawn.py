"""Styles and numbers of this page."""

from __future__ import annotations

from app.session.words import Words

WORDS = Words({"range": "{low} to {high}"})

STYLE = """<style>
.ev-maps { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 0.9rem; }
.ev-maps figure > p.ev-says, .ev-gates p { margin: 0.15rem 0 0; font-size: 0.8125rem; line-height: 1.4; opacity: 0.8; }
.ev-wide { overflow-x: auto; min-width: 0; }
.ev-beside { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0.8rem 2.5rem; }
.ev-controls { flex: 0 0 auto; width: 19rem; max-width: 100%; }
.ev-controls .cbam-maps { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.ev-agree { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; margin: 0; }
.ev-agree :is(th, td) { padding: 0.3rem 0.7rem; border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.18);
  text-align: right; font-weight: 400; white-space: nowrap; }
.ev-agree thead th { font-weight: 600; border-bottom: 1px solid rgba(128, 128, 128, 0.5); }
.ev-agree :is(thead th:first-child, tbody th) { text-align: left; font-weight: 600; padding-left: 0; }
.ev-agree b { font-weight: 700; }
.ev-agree .flat { opacity: 0.6; }
.ev-agree [data-apart] { border-left: 1px solid rgba(128, 128, 128, 0.5); }
.ev-gates { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.4rem 2rem;
  margin-bottom: 1.2rem; }
.ev-gates section { min-width: 0; }
.ev-gates h4 { margin: 0 0 0.3rem; padding: 0; font-size: 0.9375rem; font-weight: 600; }
.ev-gates .cbam-maps figcaption { font-weight: 400; min-height: 1.5rem; }
.ev-bars { position: relative; display: flex; height: 9.5rem; }
.ev-bars span { position: relative; flex: 1 1 0; min-width: 0; }
.ev-bars span::before, .ev-bars span::after { content: ""; position: absolute; left: 10%; right: 10%; }
.ev-bars span::before { bottom: 58%; height: calc(var(--w) * 42%); background: #7d93a8; }
.ev-bars i { position: absolute; left: 0; right: 0; bottom: calc(58% + var(--u) * 42% - 1px); height: 2px;
  background: currentColor; }
.ev-bars .for::after { bottom: 27%; height: calc(var(--a) * 27%); background: #b35c1c; }
.ev-bars .against::after { top: 73%; height: calc(var(--a) * 27%); background: #3a8fb7; }
.ev-bars::after { content: ""; position: absolute; left: 0; right: 0; bottom: 27%; height: 1px;
  background: currentColor; opacity: 0.4; }
.ev-key { display: flex; justify-content: space-between; font-size: 0.8125rem; opacity: 0.8; }
@media (max-width: 1100px) { .ev-maps { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (max-width: 760px) { .ev-gates { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 640px) { .ev-maps { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.6rem; } }
</style>"""


def added(number: float) -> str:
    """Write what is added to a logit, with its sign and about two digits; what is hardly more than 0 as 0."""
    return "0" if abs(number) < 0.0005 else f"{'+' if number > 0 else '−'}{rounded(abs(number))}"


def rounded(number: float) -> str:
    """Write a number with about two digits."""
    return f"{number:.2g}".replace("-", "−") if abs(number) < 10 else f"{number:.0f}".replace("-", "−")


def rounded_range(low: float, high: float) -> str:
    """Write two numbers and that what is between them is meant."""
    return WORDS["range"].format(low=rounded(low), high=rounded(high))
