"""What the process whose forks carry a contract's runs out imports once, for all of them."""

import raysearch.testing.processes  # noqa: F401 - and with it all that trains
