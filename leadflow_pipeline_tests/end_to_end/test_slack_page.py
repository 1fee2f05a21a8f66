"""In a real browser: a card is claimed on the page of Slack's stand-in, and the winner's name appears."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline_tests.integration.conftest import database, database_url, query, template_url  # noqa: F401
from leadflow_pipeline_tests.integration.slack_sandbox import SlackSandbox, run_slack_sandbox

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
)

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")


@pytest.fixture
def sandbox(database: Database, tmp_path: Path) -> Iterator[SlackSandbox]:  # noqa: F811
    with run_slack_sandbox(database, tmp_path) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path / 'chromium'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


def choose(browser: webdriver.Chrome, name: str) -> None:
    wait(browser, lambda: Select(browser.find_element(By.ID, "user")).options)
    Select(browser.find_element(By.ID, "user")).select_by_visible_text(name)


def wait(browser: webdriver.Chrome, is_so: object) -> None:
    WebDriverWait(browser, 30, ignored_exceptions=(Exception,)).until(lambda _: is_so())  # type: ignore[operator]


def shown(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "messages").text


def test_a_lead_is_claimed_on_the_page_and_the_winner_s_name_appears(
    sandbox: SlackSandbox, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    sandbox.offer(name="Maria <b>O'Neil</b>", budget="$1.2M", address="1208 Alder Creek Dr, Austin, TX 78704")
    browser.get(f"{sandbox.settings.sandbox_url}/_page/slack/")
    choose(browser, "Carla Nguyen")
    wait(browser, lambda: "s left" in shown(browser))
    assert "cash buyer, +50; $1.2M budget, +25; phone, +10" in shown(browser)
    assert "5550142" not in shown(browser)
    browser.save_screenshot(str(tmp_path / "offered.png"))
    browser.find_element(By.CSS_SELECTOR, "button[data-action=claim_lead]").click()
    wait(browser, lambda: "Carla Nguyen claimed it in" in shown(browser))
    assert "+15125550142" in shown(browser), "the winner sees the contact, only for them"
    browser.save_screenshot(str(tmp_path / "claimed.png"))
    choose(browser, "Ben Whitfield")
    wait(browser, lambda: "Carla Nguyen claimed it in" in shown(browser) and "5550142" not in shown(browser))
    assert not browser.find_elements(By.CSS_SELECTOR, "button[data-action=claim_lead]")
    choose(browser, "Carla Nguyen")
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#direct button"))
    browser.find_element(By.CSS_SELECTOR, "#direct button").click()
    wait(browser, lambda: "You were first" in shown(browser))
    browser.find_element(By.CSS_SELECTOR, "button[data-action=touched_lead]").click()
    wait(browser, lambda: "Noted. Good luck!" in shown(browser))
