#!/usr/bin/env bash
# Restores, builds and tests everything that this machine can test. The last line is `N passed, N failed, N skipped`;
# the exit code is not 0 when a test failed, the build broke, or no test ran.
#
#   CONFIGURATION      Release (default) or Debug
#   RESULTS_DIRECTORY  keeps the .trx files there; a temporary folder otherwise
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

configuration=${CONFIGURATION:-Release}
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
results=${RESULTS_DIRECTORY:-$scratch/results}
mkdir -p "$results"
# Results of an earlier run must not be counted again.
rm -f "$results"/*.trx

# Runs a command as root: directly, or through a sudo that does not ask.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Whether there is such a program. Debian keeps PostgreSQL's off the PATH.
is_there() {
  command -v "$1" || compgen -G "/usr/lib/postgresql/*/bin/$1"
} >/dev/null 2>&1

# provide <what for> <package> <command>...: installs the package where one of the commands is missing.
provide() {
  local purpose=$1 package=$2 missing='' tool
  shift 2
  for tool in "$@"; do is_there "$tool" || missing=$tool; done
  [ -z "$missing" ] && return
  if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    # An older package list usually still serves; it is refreshed only where it does not.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $package >"$scratch/apt.log" 2>&1 ||
      { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $package; } >"$scratch/apt.log" 2>&1
  fi
  is_there "$missing" ||
    echo "test.sh: $missing is missing and cannot be installed here; $purpose will be skipped"
}

provide "tests against a real Prometheus" prometheus prometheus
provide "tests of the OpenTelemetry JS exporters and against Azurite" "nodejs npm" node npm
provide "tests of a cluster on PostgreSQL" postgresql initdb

# One project after another: tests that start real processes and wait for them want both processors of a small machine.
status=0
solution=OrleansTempo.sln
dotnet restore $solution -v q &&
  dotnet build $solution -c "$configuration" --no-restore -v q -clp:NoSummary &&
  dotnet test $solution -c "$configuration" --no-build -m:1 --logger trx --results-directory "$results" || status=1

# Each .trx has one <Counters total= executed= passed= .../>; a skipped test is in total and not in executed.
read -r total executed passed < <(
  cat "$results"/*.trx 2>/dev/null | grep -o '<Counters [^>]*>' |
    awk '
      function count(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : 0 }
      { total += count("total"); executed += count("executed"); passed += count("passed") }
      END { print total + 0, executed + 0, passed + 0 }')
failed=$((executed - passed))
[ "$failed" -gt 0 ] && status=1
[ "$executed" -eq 0 ] && status=1
echo "$passed passed, $failed failed, $((total - executed)) skipped"
exit $status
