"""What holds for every test: none writes into the project, where other tests watch who does.

tests/fuzz holds that a hostile file changes nothing in the project's folder. Another process of
the same suite runs meanwhile, so whatever its tests or their tools made there would be taken for
the file's doing: reports of browser tests, Hypothesis' notes, core files, a data folder.
"""

import os
import resource
import tempfile
from pathlib import Path

import hypothesis.configuration


def pytest_configure(config):
    """Give what tools keep beside the tests a folder of this process, gone when it ends."""
    kept = tempfile.TemporaryDirectory(prefix="litedrift-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(kept.cleanup)
    folder = Path(kept.name)
    config.option.output = str(folder / "playwright")  # which empties it, so never a shared one
    hypothesis.configuration.set_hypothesis_home_dir(folder / "hypothesis")
    # Of tests that do not say where runs and uploads lie; else it is the project's `.litedrift`.
    os.environ["LITEDRIFT_HOME"] = str(folder / "data-home")
    # Some tests let children crash outside the walls, which allow no core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
