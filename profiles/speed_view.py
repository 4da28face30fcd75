"""What was foretold of integers, and what came of it, as a section of the page."""

from __future__ import annotations

from . import wording
from .forecast import Forecast, line_of
from .gain import gains_of, sentence_of
from .markup import Content, Markup, element
from .page import table
from .report import Report


def speed_section(report: Report) -> Content:
    """Give the section; nothing where no integers were built or foretold."""
    gains = gains_of(report.entries, report.forecasts)
    if not gains and not report.forecasts:
        return []
    measured = [element("li", sentence_of(gain)) for gain in gains]
    return [
        element("h2", "Do integers help here?"),
        element("ul", measured) if measured else [],
        [_foretold(forecast) for forecast in report.forecasts],
    ]


def _foretold(forecast: Forecast) -> Markup:
    rows = [
        element(
            "tr",
            [
                element("td", kernel.kernel),
                element("td", str(kernel.nodes), class_="number"),
                element("td", wording.time_of(kernel.float_ms), class_="number"),
                element("td", wording.time_of(kernel.integer_ms), class_="number"),
                element("td", f"{kernel.ratio:.2f}", class_="number"),
            ],
        )
        for kernel in forecast.kernels
    ]
    titles = ("Kernel", "Nodes", "fp32", forecast.precision, "Ratio")
    caption = f"p50 of one node on {forecast.runtime} {forecast.runtime_version}; {forecast.measured}"
    return element(
        "details",
        element("summary", line_of(forecast)),
        element("div", table(titles, rows, caption, numbers=titles[1:])),
    )
