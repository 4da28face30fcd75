"""The page of operators says what the kept records say."""

from edgewright.conformance.page import PAGE, page
from edgewright.conformance.record import kept
from edgewright.conformance.subjects import subjects


def test_the_page_is_made_of_the_kept_records() -> None:
    records = [record for name in subjects() if (record := kept(name)) is not None]
    assert records
    assert PAGE.read_text("utf-8") == page(records), "`make conformance` makes both"
