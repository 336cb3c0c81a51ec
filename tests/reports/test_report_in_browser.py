"""A report in a real browser, from disk: drawn, without an error, without a request."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from decaylab.cli.main import main

pytestmark = pytest.mark.heavy

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RUN = "compact_20260301_120000"


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: reports are not looked at in a browser")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_a_report_is_drawn(width, scheme, browser, write_pictured_run, experiments: Path, tmp_path: Path) -> None:
    name = "lstm<img src=x onerror=alert(1)>_20260301_130000"
    write_pictured_run(RUN, {"loss_config.loss_type": "<b>bold</b>"})
    write_pictured_run("lstm_20260301_130000").rename(experiments / name)
    path = tmp_path / "page.html"
    arguments = [RUN, "20260301_130000", "--note", "<img src=y>", "--experiments", str(experiments)]
    assert main(["report", *arguments, "--output", str(path)]) == 0
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri(), timeout=120_000)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 3 * 12", timeout=60_000)
    assert said == []
    assert requests == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Each figure is as wide as its place: it was drawn when its neighbours were not there yet.
    wide = "[...document.querySelectorAll('.panels > div')].filter(d => d.querySelector('.main-svg')"
    assert page.evaluate(f"{wide}.getBoundingClientRect().width > d.getBoundingClientRect().width + 1).length") == 0
    assert page.locator("#scatter .points path").count() == 2 * 3 * 12
    assert "2 of 3 targets met" not in page.inner_text("#verdict")
    assert "1 of 3 targets met" in page.inner_text("#verdict")
    assert page.locator("body img").count() == 0
    assert "<img src=y>" in page.inner_text("header")
    assert "<b>bold</b>" in page.inner_text("#differences")
    context.close()


def test_on_paper_nothing_is_cut_and_a_figure_is_below_its_heading(
    browser, write_pictured_run, experiments: Path, tmp_path: Path
) -> None:
    for second in range(7):
        write_pictured_run(f"compact_20260301_12000{second}")
    path = tmp_path / "page.html"
    names = [f"12000{second}" for second in range(7)]
    assert main(["report", *names, "--experiments", str(experiments), "--output", str(path)]) == 0
    paper = 710  # A4 less its margins, in px
    page = browser.new_context(viewport={"width": paper, "height": 1000}, color_scheme="dark").new_page()
    page.goto(path.as_uri(), timeout=120_000)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 3 * 10", timeout=60_000)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('table')].filter(t => t.scrollWidth > innerWidth).length") == 0
    before = "[...document.querySelectorAll('.figure')].map(f => getComputedStyle(f.previousElementSibling).breakAfter)"
    assert set(page.evaluate(before)) == {"avoid"}
