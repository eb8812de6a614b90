"""Repeat a part of a job each second until REPEAT_SECONDS are over. Without the variable, do it once."""

import os
import time


def each_second():
    end = time.monotonic() + float(os.environ.get("REPEAT_SECONDS", "0"))
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(1)
