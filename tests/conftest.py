"""What holds for every test: none writes into the project, where other tests watch who does.

tests/fuzz holds that a hostile file changes nothing in the project's folder. Another process of
the same suite runs meanwhile, so whatever its tests or their tools made there would be taken for
the file's doing: reports of browser tests, Hypothesis' notes, core files, a data folder.
"""

import functools
import gc
import os
import resource
import tempfile
from pathlib import Path

import hypothesis.configuration
import pytest
from streamlit.components.v2 import manifest_scanner


def pytest_configure(config):
    """Give what tools keep beside the tests a folder of this process, gone when it ends."""
    kept = tempfile.TemporaryDirectory(prefix="litedrift-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(kept.cleanup)
    folder = Path(kept.name)
    config.option.output = str(folder / "playwright")  # which empties it, so never a shared one
    hypothesis.configuration.set_hypothesis_home_dir(folder / "hypothesis")
    if hasattr(config, "workerinput"):
        # The machine's locks lie in the folder for temporary files. Each worker has its own, as if
        # it were a machine: else whoever measures or holds a lock keeps the others waiting.
        temporary = folder / "tmp"
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    # Of tests that do not say where runs and uploads lie; else it is the project's `.litedrift`.
    os.environ["LITEDRIFT_HOME"] = str(folder / "data-home")
    # Some tests let children crash outside the walls, which allow no core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def pytest_collection_modifyitems(items):
    """Begin with the browser's files: few tests of many seconds, which would else come last."""
    items.sort(key=lambda item: "browser" not in item.path.parts)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let one worker take all of the browser's files, while the others take file after file.

    A second worker would start a server and a Chromium of its own, with a welcome run of its own.
    """
    from xdist.scheduler import LoadFileScheduling

    class _Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "browser" if Path(file).parent.name == "browser" else file

    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="module", autouse=True)
def _short_collections():
    """Take what is loaded by now out of the garbage collector's sight.

    Streamlit and TFLiteConverter collect all garbage in every run: with TensorFlow and the suite
    in memory that was most of the time of the pages' tests.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _packages_are_searched_once():
    """Let Streamlit search all installed packages for components once, not with every run.

    A server does so once, when it starts; AppTest before each run of a script, for 0.1 s.
    """
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield
