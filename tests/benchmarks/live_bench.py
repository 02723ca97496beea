"""The live bench in Chromium: from the press of a precision until the page has come to rest."""

import statistics
import tempfile
from pathlib import Path

from converter.sample_models import list_samples
from tests.benchmarks.mobilenet import PIXELS, make_mobilenet
from tests.browser.server import chromium, server_with_run_of, wait_until_idle

BUNDLED_SECONDS, MOBILENET_SECONDS = 0.5, 2.0
_SETTLED_MS = 500
_COSTS_MS = 300_000
# From the press to the last change of the page before it rests: figures, charts and table.
_WATCH = """settled => {
  const app = document.querySelector("[data-testid=stApp]");
  window.settling = new Promise(resolve => {
    let pressed = null, last = null;
    const idle = () => app.getAttribute("data-test-script-state") === "notRunning";
    const watch = new MutationObserver(() => { last = performance.now(); });
    watch.observe(app, {subtree: true, childList: true, characterData: true, attributes: true});
    document.addEventListener("pointerdown", () => { pressed = performance.now(); },
                              {capture: true, once: true});
    const look = setInterval(() => {
      if (pressed && last && idle() && performance.now() - last > settled) {
        clearInterval(look);
        watch.disconnect();
        resolve((last - pressed) / 1000);
      }
    }, 20);
  });
}"""


def seconds_of_changes(page, address, run_id):
    """Press each precision for all layers; return the seconds of each.

    Empty where there is no live bench: a model that LiteRT cannot run has no float file.
    """
    page.goto(f"{address}/explore?run={run_id}")
    charts, refusal = page.get_by_text("Where you have been"), page.get_by_test_id("stAlert")
    charts.or_(refusal).first.wait_for(timeout=_COSTS_MS)
    if not charts.count():
        return {}
    # The cost table is timed once, at the first visit: warm is after that.
    latency = page.get_by_test_id("stMetric").filter(has_text="Predicted latency")
    latency.get_by_text("\N{PLUS-MINUS SIGN}").wait_for(timeout=_COSTS_MS)
    wait_until_idle(page)
    found = {}
    group = page.get_by_test_id("stButtonGroup").filter(has_text="\N{BLACK CIRCLE} float16")
    for name in group.get_by_role("radio").all_inner_texts()[1:]:
        page.wait_for_timeout(2 * _SETTLED_MS)
        page.evaluate(_WATCH, _SETTLED_MS)
        group.get_by_role("radio", name=name, exact=True).click()
        found[name.removeprefix("\N{BLACK CIRCLE}").strip()] = page.evaluate("window.settling")
    return found


def measure(browser, name, model, data, goal):
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        server_with_run_of(Path(folder), model, data) as (run_id, address),
    ):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        found = seconds_of_changes(context.new_page(), address, run_id)
        context.close()
    if not found:
        print(f"live bench of {name}: none, the page says why", flush=True)
        return found
    median, slowest = statistics.median(found.values()), max(found, key=found.get)
    print(
        f"live bench of {name}: figures and charts follow a precision after {median:.2f} s at the "
        f"median of {len(found)} (goal {goal:g} {'met' if median <= goal else 'NOT met'}), after "
        f"{found[slowest]:.2f} s at most ({slowest})",
        flush=True,
    )
    return found


def main(_rounds=1):
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        work = Path(name)
        for sample in list_samples():
            measure(browser, sample.name, sample.model_path, sample.data_path, BUNDLED_SECONDS)
        for pixels in PIXELS:
            model, data = make_mobilenet(work, pixels)
            label = f"MobileNetV2 of {pixels} pixels"
            measure(browser, label, model, data, MOBILENET_SECONDS)


if __name__ == "__main__":
    main()
