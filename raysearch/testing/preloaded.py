"""What the process whose forks carry a contract's runs out imports once, for all of them."""

import torch._dynamo  # noqa: F401 - torch's optimisers import it at their first step, which takes a second

import raysearch.testing.processes  # noqa: F401 - and with it all that trains
