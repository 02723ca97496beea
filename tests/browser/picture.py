"""Take README's picture of the Compare page: `python -m tests.browser.picture docs/compare.png`."""

import sys
import tempfile
from pathlib import Path

from tests.browser.server import chromium, running_server, wait_until_idle


def main(target):
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        running_server(Path(name) / "home", Path(name) / "server.log") as (address, _),
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        page.goto(f"{address}/compare")
        page.wait_for_selector(".js-plotly-plot", timeout=120_000)
        wait_until_idle(page)
        page.wait_for_timeout(1500)
        page.screenshot(path=target)


if __name__ == "__main__":
    main(sys.argv[1])
