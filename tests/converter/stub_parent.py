"""Starts a worker that is busy, says its process id, and waits to be killed."""

import threading
import time

from converter.child_process import Worker

if __name__ == "__main__":
    worker = Worker("tests.converter.stub_worker", "a worker")
    threading.Thread(target=lambda: worker.ask("hang", 60), daemon=True).start()
    print(worker._process.pid, flush=True)
    time.sleep(60)
