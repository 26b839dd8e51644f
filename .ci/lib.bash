# What .ci/run and .ci/long share: sections, the first failure, the tools. To be sourced.

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

# tools builds what .ci/tools/go.mod names, once for each set of versions, and puts it first in PATH.
tools() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/flowrun-ci key dir
	key=$(cat .ci/tools/go.mod .ci/tools/go.sum .ci/tools/*/*.go <(go env GOVERSION GOOS GOARCH) | sha256sum | cut -c 1-16)
	dir=$cache/$key
	if [ ! -d "$dir" ]; then
		mkdir -p "$cache"
		local new
		new=$(mktemp -d "$cache/new.XXXXXX")
		if ! (cd .ci/tools && go build -o "$new/" tool); then
			rm -rf "$new"
			return 1
		fi
		# Another run may have been faster: its tools are as good.
		mv -T "$new" "$dir" 2>/dev/null || rm -rf "$new"
	fi
	PATH=$dir:$PATH
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
