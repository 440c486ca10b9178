"""Which environment variables a run sees: a list of what it may need, and what its space file names.

A user's shell holds tokens of clouds, servers and repositories, which are nothing to a task and must not get
into what it writes, prints or starts. A local Ray is started without them. On a cluster, whose processes
others started, every process of a run drops them before it loads the task. What runs in the user's own
process (the rehearsal, the final evaluation, ``--local``) has them taken out of ``os.environ`` meanwhile.
Against a task that means harm this is no protection: it runs as the user, whose files and processes it can
read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

NAMES = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TERM"),  # what programs take for granted
        *("LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "CONDA_PREFIX"),  # where libraries lie
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),  # public certificates
        *("KRB5CCNAME", "X509_USER_PROXY", "X509_CERT_DIR"),  # tickets, or EOS, AFS and XRootD give no data
        *("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"),  # or no process could speak to Ray
        "SPT_NOENV",  # set by Ray for its workers
    }
)
PREFIXES = (
    "LC_",
    *("PYTHON", "RAY_", "__RAY_", "TUNE_", "RAYSEARCH_"),  # settings of Python, Ray and raysearch
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "MALLOC_"),  # how fast, and with which bits
    *("CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_", "NCCL_", "HIP_", "ROCR_", "HSA_"),
    *("TORCH", "PYTORCH_", "TRITON_", "GLOO_", "TP_", "HDF5_"),
)
SECRET_WORDS = ("TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY")


def is_visible(name: str, named: Collection[str] = ()) -> bool:
    """Whether a run sees a variable: it is listed, or begins like a listed kind and sounds like no secret."""
    if name in NAMES or name in named:
        return True
    return name.startswith(PREFIXES) and not any(word in name for word in SECRET_WORDS)


def visible(environment: Mapping[str, str], named: Collection[str] = ()) -> dict[str, str]:
    """The part of an environment that runs see.

    Args:
        environment: all variables.
        named: those that the space file names beside the listed ones.
    """
    return {name: value for name, value in environment.items() if is_visible(name, named)}


def confine(named: Collection[str]) -> None:
    """Prepare a process of Ray for runs: it drops what they do not see, and what it writes is its owner's."""
    os.umask(0o077)  # a cluster's processes have that of whoever started them
    _drop(named)


def _drop(named: Collection[str]) -> None:
    for name in set(os.environ) - set(visible(os.environ, named)):
        del os.environ[name]


@contextmanager
def only_visible(named: Collection[str]) -> Iterator[None]:
    """Have what runs do not see out of this process's environment for a while."""
    hidden = {name: value for name, value in os.environ.items() if not is_visible(name, named)}
    _drop(named)
    try:
        yield
    finally:
        os.environ.update(hidden)
