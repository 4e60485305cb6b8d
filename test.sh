#!/usr/bin/env bash
# Restores, builds and tests everything that this machine can test, and checks its layout. The last line is `N passed, N failed, N skipped`;
# the exit code is not 0 when a test failed, the build broke, the layout is not that of .editorconfig, or no test ran.
#
#   ./test.sh          all tests but the long ones
#   ./test.sh long     the long ones, which are marked [Trait("Category", "Long")]: an hour and more
#
#   CONFIGURATION      Release (default) or Debug
#   RESULTS_DIRECTORY  keeps the .trx files there; a temporary folder otherwise
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

# For how long all of the tests may take, and any one of them: twice and more of what they do.
case "${1:-}" in
  '') chosen='Category!=Long' whole=75m one=8m ;;
  long) chosen='Category=Long' whole=5h one=40m ;;
  *)
    echo "test.sh: there are no tests called '$1'; run ./test.sh or ./test.sh long" >&2
    exit 2
    ;;
esac

configuration=${CONFIGURATION:-Release}
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
results=${RESULTS_DIRECTORY:-$scratch/results}
mkdir -p "$results"
# Results of an earlier run must not be counted again.
rm -rf "$results"/*.trx "$results"/*/Sequence_*.xml

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
# No hang lasts: where for so long no test began or ended, the project's tests are ended and those that were running are named.
# Where that does not help, and nobody is there to press Ctrl-C, all of it ends after the limit. Both count as failed.
limit=()
if [ ! -t 0 ] && command -v timeout >/dev/null 2>&1; then limit=(timeout --kill-after=30s "${LIMIT:-$whole}"); fi
status=0
badly_laid_out=0
solution=OrleansTempo.sln
dotnet restore $solution -v q &&
  dotnet build $solution -c "$configuration" --no-restore -v q -clp:NoSummary &&
  { dotnet format $solution --no-restore --verify-no-changes || badly_laid_out=1; } &&
  ${limit[@]+"${limit[@]}"} dotnet test $solution -c "$configuration" --no-build -m:1 --filter "$chosen" --logger trx --results-directory "$results" \
    --blame-hang-timeout "${HANG_TIMEOUT:-$one}" --blame-hang-dump-type none || status=$?
hung=0
if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
  echo "test.sh: the tests had not ended after ${LIMIT:-$whole} and were stopped"
  hung=1
fi
[ "$status" -eq 0 ] || status=1
if [ "$badly_laid_out" -eq 1 ]; then
  echo "test.sh: the layout is not that of .editorconfig; run: dotnet format $solution"
  status=1
fi

# A project whose tests hung or crashed leaves the sequence of its tests; those that were running then have no result.
for sequence in "$results"/*/Sequence_*.xml; do
  [ -e "$sequence" ] || continue
  running=$(grep -c 'Completed="False"' "$sequence")
  hung=$((hung + (running > 0 ? running : 1)))
done

# Each .trx has one <Counters total= executed= passed= .../>; a skipped test is in total and not in executed.
read -r total executed passed < <(
  cat "$results"/*.trx 2>/dev/null | grep -o '<Counters [^>]*>' |
    awk '
      function count(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : 0 }
      { total += count("total"); executed += count("executed"); passed += count("passed") }
      END { print total + 0, executed + 0, passed + 0 }')
failed=$((executed - passed + hung))
[ "$failed" -gt 0 ] && status=1
[ "$executed" -eq 0 ] && status=1
echo "$passed passed, $failed failed, $((total - executed)) skipped"
exit $status
