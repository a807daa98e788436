"""The system's Chromium without a window, for tests of pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextmanager
def browser() -> Iterator:
    """A driver of Chromium; skips the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("there is no chromium with its chromedriver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options, Service(driver))
    try:
        yield chromium
    finally:
        chromium.quit()


def overflow(chromium, width: int) -> int:
    """By how many pixels the page is wider than a window of this width, which it is given."""
    # Windows have a smallest width, pages have none.
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return chromium.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
