"""The system's Chromium without a window, for tests of pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextmanager
def browser(width: int = 1280, height: int = 1000) -> Iterator:
    """A driver of Chromium, whose pages are so many pixels wide; skips the test where it is not."""
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
        # Windows have a smallest width, pages have none.
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield chromium
    finally:
        chromium.quit()


def overflow(chromium) -> int:
    """By how many pixels the page is wider than its window."""
    return chromium.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
