import os
import sys
import threading

import pytest

from semrouter_extproc.extproc.threads import unobtrusive_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a policy of Linux")


def test_only_threads_started_inside_wait_for_their_turn() -> None:
    policies = []

    def note() -> None:
        policies.append(os.sched_getscheduler(0))

    def run() -> None:
        thread = threading.Thread(target=note)
        thread.start()
        thread.join()

    with unobtrusive_threads():
        run()
    run()

    assert policies == [os.SCHED_BATCH, os.SCHED_OTHER]
