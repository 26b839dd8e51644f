#!/usr/bin/env bash
# Prints the figures of flowrun beside their goals; arguments are those of bench/main.go: -only WORD, -rounds N.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec go run ./bench "$@"
