# What the commands here share: sections, the first failure, the tools. To be sourced.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset CDPATH GREP_OPTIONS

export GOWORK=off
# The repository may belong to somebody else, and git then tells Go nothing about it.
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

# check NAME COMMAND...: a section. The first that fails is the last.
check() {
	local name=$1 began=$SECONDS code=0
	shift
	printf '== %s\n' "$name"
	"$@" || code=$?
	if [ "$code" -ne 0 ]; then
		printf '== FAILED: %s (exit %d, after %d s)\n' "$name" "$code" $((SECONDS - began))
		exit 1
	fi
	printf '   %d s\n' $((SECONDS - began))
}

# kept NAME SUM COMMAND...: where the cache has what COMMAND makes in the folder that it gets as its last argument. It is made once
# for each SUM; the path is in $kept. Without COMMAND nothing is made, and it fails when there is none.
kept() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/flowrun-ci new
	kept=$cache/$1-$(printf '%s %s' "$2" "$(go env GOVERSION GOOS GOARCH)" | sha256sum | cut -c 1-16)
	shift 2
	[ -d "$kept" ] && return
	[ $# -gt 0 ] || return
	mkdir -p "$cache"
	new=$(mktemp -d "$cache/new.XXXXXX")
	if ! "$@" "$new"; then
		rm -rf "$new"
		return 1
	fi
	# Another run may have been faster: what it made is as good.
	mv -T "$new" "$kept" 2>/dev/null || rm -rf "$new"
}

# tools builds what .ci/tools/go.mod names, once for each set of versions, and puts it first in PATH.
tools() {
	kept tools "$(cat .ci/tools/go.mod .ci/tools/go.sum .ci/tools/*/*.go)" build_tools || return
	PATH=$kept:$PATH
}

build_tools() { (cd .ci/tools && go build -o "$1/" tool); }

# engine COMMAND...: with the module of the engine for Temporal in its workspace, where it has this tree's core.
engine() { GOWORK=$PWD/.ci/go.work "$@"; }

# engine_tidy sees that the engine's go.mod and go.sum are what its code needs, with this tree's core.
engine_tidy() {
	local dir code=0
	dir=$(mktemp -d)
	cp pkg/executor/temporal/go.mod pkg/executor/temporal/go.sum "$dir"
	go mod edit -replace "github.com/flowrun/flowrun=$PWD" "$dir/go.mod"
	(cd pkg/executor/temporal && go mod tidy -diff -modfile "$dir/go.mod") || code=$?
	rm -rf "$dir"
	return "$code"
}

# The server that the end-to-end tests run against: Temporal's command, built from its module. Later versions cannot be installed
# so: their go.mod replaces modules.
temporal=github.com/temporalio/cli/cmd/temporal@v1.5.1

# server COMMAND...: $kept/temporal is that server; see kept.
server() { kept temporal "$temporal" "$@"; }

build_server() { GOBIN=$1 go install -trimpath -ldflags '-s -w' "$temporal"; }

# end_to_end ARGUMENTS...: the tests against a server, which must be there.
end_to_end() {
	server || return
	FLOWRUN_TEMPORAL=$kept/temporal engine go test -tags e2e -count=1 -parallel 8 -timeout 20m ./pkg/executor/temporal/e2e "$@"
}

# npm_there sees to npm, with which the tests of the schema install the language server that they drive (.ci/editor).
npm_there() {
	command -v npm >/dev/null && command -v node >/dev/null && return
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
		apt-get -qq update && apt-get -qq install -y --no-install-recommends nodejs npm >/dev/null
}

# browser sees to Chromium, in which the page of a run is looked at. Its tests are skipped without.
browser() {
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null && return
	fi
	printf '   left out: there is no Chromium, and none could be installed\n'
}

# compiler sees to a C compiler, without which the race detector cannot be linked.
compiler() {
	[ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		if apt-get -qq update && apt-get -qq install -y --no-install-recommends gcc libc6-dev >/dev/null; then
			export CGO_ENABLED=1
			return
		fi
	fi
	return 1
}

# shells sees to the shells in which completion is tested, and to what checks the manual. Tests of what is not there are skipped.
shells() {
	local missing=() name
	for name in zsh fish groff mandoc; do
		command -v "$name" >/dev/null || missing+=("$name")
	done
	[ ${#missing[@]} -eq 0 ] && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null && return
	fi
	printf '   %d left out, as they are not installed: %s\n' ${#missing[@]} "${missing[*]}"
}
