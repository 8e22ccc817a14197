#!/bin/sh
# A tool reads one JSON request from standard input and writes one JSON value to standard output.
cat > /dev/null
printf '{"result": {"system": "%s", "key": "%s"}}\n' "$(uname -s)" "$COMPOZY_IDEMPOTENCY_KEY"
