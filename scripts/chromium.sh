#!/usr/bin/env bash
# Browser tests drive Debian's Chromium. Install it where we may; where we may not, say so: the tests are then
# reported as not run. Continuous integration never goes on without it.
set -euo pipefail
if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser tests ..." >&2
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 && exit 0
fi
if [ "${CI:-}" = true ]; then echo "Continuous integration needs Chromium, and it cannot be installed here." >&2; exit 1; fi
echo "No Chromium here and no right to install it: browser tests will be reported as not run." >&2
