#!/usr/bin/env bash
# Writes requirements.lock: all that raysearch needs on Linux, at the versions of constraints.txt, each with
# the SHA-256 of its files. uv (pip install uv) resolves it once for Python 3.11 to 3.13 on x86-64 and
# aarch64; PyPI's own torch brings CUDA with it.
set -euo pipefail
cd "$(dirname "$0")/.."
new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
  echo '# Made by tools/lock.sh from constraints.txt. How to install from it: docs/security.md.'
  printf 'hatchling>=1.27\n' | # builds raysearch itself
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
      --no-header --no-annotate --no-emit-index-url --default-index https://pypi.org/simple \
      --constraints constraints.txt pyproject.toml -
} >"$new"
cat "$new" >requirements.lock
