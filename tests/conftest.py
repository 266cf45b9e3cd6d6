"""Settings of all tests: laws are tried without a stopwatch, since the machine may be busy, and without a database of examples.

Threads that wait for each other yield the core instead of spinning on it: beside other work a spinning pool is many times slower,
and no test is about speed.
"""

import os

from hypothesis import settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("house", deadline=None, database=None, max_examples=60)
settings.load_profile("house")
