"""The page to try webhooks on, in a real browser: what it offers can be sent as it stands."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from leadflow_pipeline.adapters.database import Database
from leadflow_pipeline.domain.webhook_sources.registry import SOURCES
from leadflow_pipeline.receiver.app import build_app
from leadflow_pipeline.settings import Settings
from leadflow_pipeline_tests.posts import SECRET

Query = Callable[..., list[tuple[Any, ...]]]

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="there is no Chromium here")


@pytest.fixture
def page(tmp_path: Path, database: Database, free_port: int) -> Iterator[str]:
    secrets = {f"webhook_{source}_secret": SECRET for source in SOURCES}
    app = build_app(Settings(_env_file=None, home=tmp_path, **secrets), database)
    server = uvicorn.Server(uvicorn.Config(app, port=free_port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{free_port}/docs"
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield opened
    opened.quit()


def test_the_example_of_every_source_with_its_secret_in_the_path_can_be_sent_from_the_page(
    page: str, browser: webdriver.Chrome, query: Query
) -> None:
    browser.get(page)
    wait = WebDriverWait(browser, 20)
    wait.until(lambda _: browser.find_element(By.ID, "body").get_property("value"))
    offered = Select(browser.find_element(By.ID, "path"))
    assert len(offered.options) == len(SOURCES)
    browser.find_element(By.ID, "secret").send_keys(SECRET)
    for path in ("website", "zillow_rentals", "webflow", "gravity_forms", "adf"):
        offered.select_by_value(f"/webhooks/{path}/{{secret}}")
        browser.execute_script("document.getElementById('answer').textContent = ''")
        browser.find_element(By.CSS_SELECTOR, "button").click()
        wait.until(lambda _: browser.find_element(By.ID, "answer").text)
        assert browser.find_element(By.ID, "answer").text.startswith("202"), path
    assert len(query("select distinct source from landing.events")) == 5
    offered.select_by_value("/webhooks/standard")
    assert "webhook-signature: " in browser.find_element(By.ID, "headers").get_property("value")
