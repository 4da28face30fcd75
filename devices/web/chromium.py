"""Has a page of Chromium run a job, through Playwright, and sees to it that a page that ends is no job that waits."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

import psutil

from ...vocabulary.errors import DeviceError
from .engines import Backend
from .find import INSTALL, no_chromium
from .job import Place
from .server import JobServer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

FLAGS: Final = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",  # so that a baseline is taken of what is held, not of what was dropped
)
OF_BACKEND: Final[dict[Backend, tuple[str, ...]]] = {
    "wasm": (),
    "cpu": (),
    # Where nobody looks at a screen there is no graphics processor either: SwiftShader computes, and facts name it.
    "webgl": ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    "webgpu": ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"),
}
START_SECONDS: Final = 60.0
COMPUTING: Final = ("--type=renderer", "--type=gpu-process")
"""The processes of Chromium that compute: a page's own, and the one that draws."""


def run_in_chromium(server: JobServer, place: Place) -> None:
    """Open the job's page and wait until its exchange has a result.

    Raises:
        DeviceError: when there is no Chromium, or it does not start.
    """
    asyncio.run(_run(server, place))


async def _run(server: JobServer, place: Place) -> None:
    from playwright.async_api import Error, async_playwright

    async with async_playwright() as playwright:
        try:
            browser = await _launch(playwright, place)
        except Error as error:
            raise DeviceError(
                f"Chromium does not start: {_said(error.message)}",
                hint=f"run it by hand ({place.executable} --headless about:blank) and see what it says; {INSTALL}",
            ) from error
        exchange = server.exchange
        exchange.program = ("Chromium", browser.version)
        exchange.computing = _computing
        browser.on("disconnected", lambda _: exchange.crash("Chromium ended before the job did"))
        server.start()
        try:
            page = await browser.new_page()
            page.on("crash", lambda _: exchange.crash("the page crashed: often for want of memory"))
            page.on("pageerror", lambda error: exchange.fail(f"the page failed: {error}"))
            page.on("console", lambda said: print(said.text.replace(server.url, ""), flush=True))  # noqa: T201 - the log of a child
            await page.goto(server.url, wait_until="commit")
            await asyncio.wait({asyncio.wrap_future(exchange.result)})
            await browser.close()
        except Error as error:  # it is gone in the midst of it
            exchange.crash(f"Chromium ended before the job did: {error.message}")


async def _launch(playwright: Playwright, place: Place) -> Browser:
    executable = place.executable or playwright.chromium.executable_path
    if not os.access(executable, os.X_OK):
        raise no_chromium()
    return await playwright.chromium.launch(
        executable_path=executable,
        headless=True,
        chromium_sandbox=os.geteuid() != 0,  # Chromium refuses a sandbox to root
        args=[*FLAGS, *OF_BACKEND[place.backend]],
        timeout=START_SECONDS * 1000,
    )


def _said(message: str) -> str:
    """Give what Chromium itself said of a start that failed: Playwright quotes it twice, between what it did itself."""
    first, *rest = message.partition("Call log:")[0].splitlines()
    return "\n".join([first, *(line for line in rest if "[err]" in line)])


def _computing() -> list[int]:
    return [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if any(kind in _command(process) for kind in COMPUTING)
    ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        return []
