"""What was foretold of integers, and what came of it, as a section of the page."""

from __future__ import annotations

from . import wording
from .forecast import Forecast, line_of
from .gain import gains_of, sentence_of
from .markup import Content, element
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


def _foretold(forecast: Forecast) -> Content:
    rows = [
        element(
            "tr",
            [
                element("td", cell)
                for cell in (
                    kernel.kernel,
                    str(kernel.nodes),
                    wording.time_of(kernel.float_ms),
                    wording.time_of(kernel.integer_ms),
                    f"{kernel.ratio:.2f}",
                )
            ],
        )
        for kernel in forecast.kernels
    ]
    titles = ("Kernel", "Nodes", "fp32", forecast.precision, "Ratio")
    return [
        element("p", line_of(forecast)),
        table(titles, rows, f"p50 of one node; {wording.TIERS[forecast.measured]}"),
    ]
