"""What tests of several rooms need of the machine."""

import os
import signal

import pytest


@pytest.fixture(scope="session")
def chromium():
    """A Chromium that Playwright can drive. Where it must be there (`.ci/run` says so), its absence is a failure."""
    from edgewright.devices.web.find import find_chromium

    found = find_chromium()
    if found is not None:
        return found
    if os.environ.get("EDGEWRIGHT_TESTS_NEED_CHROMIUM"):
        pytest.fail("there is no Chromium, and EDGEWRIGHT_TESTS_NEED_CHROMIUM is set: apt-get install chromium")
    return pytest.skip("there is no Chromium here: apt-get install chromium, or name one by EDGEWRIGHT_CHROMIUM")


@pytest.fixture
def interruptible():
    """Python ignores interrupts where its parent did, as a shell's background job."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
