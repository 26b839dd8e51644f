package script

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// show writes values as $1, $2 in place of the names of their variables.
func show(text string) string { return strings.ReplaceAll(text, "FLOWRUN_VALUE_", "") }

// TestQuote: an § is an expression.
func TestQuote(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`echo §`, `echo "${1}"`},
		{`echo a§b§`, `echo a"${1}"b"${2}"`},
		{`echo "in § and §."`, `echo "in ${1} and ${2}."`},
		{`echo "a"§'b'`, `echo "a""${1}"'b'`},
		{`echo "$(echo § "§")"`, `echo "$(echo "${1}" "${2}")"`},
		{`x=§; y="§" z=a/§ true`, `x="${1}"; y="${2}" z=a/"${3}" true`},
		{"cat <<E\na § \"§\" $x\nE\n", "cat <<E\na ${1} \"${2}\" $x\nE\n"},
		{"cat <<-E\n\ta §\n\t\t§\n\tE\n", "cat <<-E\n\ta ${1}\n\t\t${2}\n\tE\n"},
		{"cat <<E\n$(echo §)\nE\n", "cat <<E\n$(echo \"${1}\")\nE\n"},
		{"cat <<A <<B\n§\nA\n§\nB\n", "cat <<A <<B\n${1}\nA\n${2}\nB\n"},
		{`case § in §) ;; a|"§"*) ;; esac`, `case "${1}" in "${2}") ;; a|"${3}"*) ;; esac`},
		{`for i in § b; do echo §; done`, `for i in "${1}" b; do echo "${2}"; done`},
		{`if test § = x; then :; elif [ -n § ]; then echo §; else echo §; fi`, `if test "${1}" = x; then :; elif [ -n "${2}" ]; then echo "${3}"; else echo "${4}"; fi`},
		{`while ! grep -q § f; do sleep §; done >§ 2>>"§"`, `while ! grep -q "${1}" f; do sleep "${2}"; done >"${3}" 2>>"${4}"`},
		{`f() { echo §; }; (f §) | { cat §; } && f &`, `f() { echo "${1}"; }; (f "${2}") | { cat "${3}"; } && f &`},
		{`echo ${x:-§} "${x:-§}" "${x:+"§"}" ${x?§}`, `echo ${x:-"${1}"} "${x:-${2}}" "${x:+"${3}"}" ${x?"${4}"}`},
		{"# say §\necho § # and §\n", "# say ...\necho \"${1}\" # and ...\n"},
		{`./bin/§ -v`, `./bin/"${1}" -v`},
		{`echo '\\'"§" \\§ "\\§"`, `echo '\\'"${1}" \\"${2}" "\\${3}"`},
		{`export A=§`, `export A="${1}"`},
		{`echo ~§ a*§ {a,§} a=§`, `echo ~"${1}" a*"${2}" {a,"${3}"} a="${4}"`},
		{`. ./env/§.sh`, `. ./env/"${1}".sh`},
		{`printf '%s\n' § §`, `printf '%s\n' "${1}" "${2}"`},
		{`awk -v x=§ '{print x}' §`, `awk -v x="${1}" '{print x}' "${2}"`},
		{`sed -n s/a/b/p §`, `sed -n s/a/b/p "${1}"`},
		{`sh -c 'echo "$1"' sh §`, `sh -c 'echo "$1"' sh "${1}"`},
		{`sh -e -- §`, `sh -e -- "${1}"`},
		{`python3 tool.py § <<E` + "\n§\nE\n", `python3 tool.py "${1}" <<E` + "\n${2}\nE\n"},
		{`ssh -p § host`, `ssh -p "${1}" host`},
		{`ssh -- § uptime`, `ssh -- "${1}" uptime`},
		{`ssh root@§ uptime`, `ssh root@"${1}" uptime`},
		{`env A=§ B="§" ls §`, `env A="${1}" B="${2}" ls "${3}"`},
		{`echo § | tee § | sh script`, `echo "${1}" | tee "${2}" | sh script`},
		{`sudo -u § apt-get install bash §`, `sudo -u "${1}" apt-get install bash "${2}"`},
		{`read -r -p § x`, `read -r -p "${1}" x`},
		{`echo \`, `echo \`},
		{"echo a\\\n§", "echo a\\\n\"${1}\""},

		{`echo '§'`, `single quotes`},
		{`echo a'b § c'`, `single quotes`},
		{"cat <<'E'\n§\nE\n", `quoted here-document`},
		{"cat <<\\E\n§\nE\n", `quoted here-document`},
		{"cat <<§\na\n§\n", `end of a here-document`},
		{`echo $((§ + 1))`, `arithmetic`},
		{`echo "$((§))"`, `arithmetic`},
		{`((§))`, `name of a command`},
		{`((1 > §)) && echo`, `arithmetic`},
		{`echo $[§]`, `arithmetic`},
		{`let §`, `arithmetic`},
		{`[[ § == a ]]`, `which may be bash`},
		{"echo `echo §`", `backquotes`},
		{`echo \§`, `after a backslash`},
		{`echo "\§"`, `after a backslash`},
		{`echo \\\§`, `after a backslash`},
		{"cat <<E\n\\§\nE\n", `after a backslash`},
		{`echo ${§}`, `name of a parameter`},
		{`echo ${x#§}`, `pattern of a parameter`},
		{`echo "${x%%§}"`, `pattern of a parameter`},
		{`echo ${x:=§}`, `${NAME=...}`},
		{`§`, `name of a command`},
		{`§ a`, `name of a command`},
		{`"§" a`, `name of a command`},
		{`a§ b`, `name of a command`},
		{`command § a`, `name of a command`},
		{`§=1`, `name of a variable`},
		{`a§=1`, `name of a variable`},
		{`§() { :; }`, `something that the script declares`},
		{`for § in a; do :; done`, `name of a variable`},
		{`eval "echo §"`, `eval reads as code`},
		{`command eval §`, `eval reads as code`},
		{`\eval §`, `eval reads as code`},
		{`"ev"'al' §`, `eval reads as code`},
		{`trap "echo §" EXIT`, `trap reads as code`},
		{`alias a=§`, `alias reads as code`},
		{`sh -c "echo §"`, `sh reads as code`},
		{`sh -ec "echo §"`, `sh reads as code`},
		{`sh -c -e "echo §"`, `sh reads as code`},
		{`sh -o errexit -c "echo §"`, `sh reads as code`},
		{`/bin/bash -c echo" §"`, `bash reads as code`},
		{`sh § "§"`, `it may be an option`},
		{`sh "-§" "x"`, `it may be an option`},
		{`sudo -u bob sh -c "§"`, `sh reads as code`},
		{`find . -exec sh -c "§" \;`, `sh reads as code`},
		{`xargs -I{} sh -c "§"`, `sh reads as code`},
		{`timeout -k 1 5 env A=b bash -lc "§"`, `bash reads as code`},
		{`su - bob -c "§"`, `su reads as code`},
		{`python3 -c "print('§')"`, `python3 reads as code`},
		{`perl -ne "§"`, `perl reads as code`},
		{`expect -c "§"`, `expect reads as code`},
		{`tmux new-window §`, `tmux reads as code`},
		{`echo § | at now`, `at reads as code`},
		{`echo § | crontab -`, `crontab reads as code`},
		{"make -f - <<E\nall: ; §\nE", `make reads as code`},
		{`echo "all: ; §" | make -sf- all`, `make reads as code`},
		{`echo "all: ; §" | make -f /dev/stdin`, `make reads as code`},
		{`node --eval="§"`, `node reads as code`},
		{`awk "{print §}"`, `awk reads as code`},
		{`sed "s/a/§/"`, `sed reads as code`},
		{`sed -e s/a/§/ f`, `sed reads as code`},
		{`sudo sed -i -e "s/a/§/" f`, `sed reads as code`},
		{`echo § | sh`, `sh reads as code`},
		{`echo § | grep a | sudo bash -s`, `bash reads as code`},
		{"cat <<E | sh -e\n§\nE\n", `sh reads as code`},
		{"sh <<E\n§\nE\n", `sh reads as code`},
		{"bash -s a <<E\n§\nE\n", `bash reads as code`},
		{"docker run -i x sh <<E\n§\nE\n", `sh reads as code`},
		{"ssh host <<E\n§\nE\n", `ssh reads as code`},
		{`ssh § uptime`, `it may be an option`},
		{`ssh -§ uptime`, `ssh reads as code`},
		{`env § ls`, `it may be an option`},
		{`env -i § ls`, `it may be an option`},
		{`ssh host ls §`, `command for ssh`},
		{`ssh -o § host`, `ssh reads as code`},
		{`. §`, `. reads as code`},
		{`PS4=§`, `the shell reads its value as code`},
		{`BASH_ENV=§ ./x`, `the shell reads its value as code`},
		{`unset §`, `name a variable for unset`},
		{`read §`, `name a variable for read`},
		{`export §`, `name a variable for export`},
		{`export "§=1"`, `name a variable for export`},
		{`declare -i n=§`, `name a variable for declare`},
		{`test -v §`, `name a variable for test`},
		{`[ § § ]`, `name a variable for [`},
		{`printf -v § x`, `name a variable for printf`},
		{`printf § §`, `format of printf`},
		{`echo "§`, `the script cannot be read as one for sh: reached EOF without closing quote`},
		{`if §; then`, `the script cannot be read`},
		{`diff <(echo §) x`, `the script cannot be read as one for sh: `},
		{`a=(§)`, `arrays are not in the language of sh; write shell: bash`},
		{strings.Repeat("a", 200<<10) + "§", `at most 128 KiB`},

		// Those of bash.
		{`#!bash` + "\n" + `[[ § == § && -f "§" || ! § =~ ^§ ]]`, `[[ "${1}" == "${2}" && -f "${3}" || ! "${4}" =~ ^"${5}" ]]`},
		{`#!bash` + "\n" + `a=(§ "x§"); a+=(§); b+=§`, `a=("${1}" "x${2}"); a+=("${3}"); b+="${4}"`},
		{`#!bash` + "\n" + `cat <<<§ < <(echo §) &>§`, `cat <<<"${1}" < <(echo "${2}") &>"${3}"`},
		{`#!bash` + "\n" + `local a=§ b="§"; readonly c=§`, `local a="${1}" b="${2}"; readonly c="${3}"`},
		{`#!bash` + "\n" + `time echo §; select i in §; do :; done; coproc c { echo §; }`, `time echo "${1}"; select i in "${2}"; do :; done; coproc c { echo "${3}"; }`},
		{`#!bash` + "\n" + `[[ § -eq 1 ]]`, `arithmetic`},
		{`#!bash` + "\n" + `[[ -v § ]]`, `name of a variable`},
		{`#!bash` + "\n" + `echo $'§'`, `$'...'`},
		{`#!bash` + "\n" + `echo $"§"`, `translated`},
		{`#!bash` + "\n" + `a[§]=1`, `subscript`},
		{`#!bash` + "\n" + `a=([§]=1)`, `subscript`},
		{`#!bash` + "\n" + `echo ${a[@]}x${a[§]}`, `subscript`},
		{`#!bash` + "\n" + `echo ${x:§}`, `arithmetic`},
		{`#!bash` + "\n" + `echo ${x:1:§}`, `arithmetic`},
		{`#!bash` + "\n" + `echo ${x/§/b}`, `pattern of a parameter`},
		{`#!bash` + "\n" + `echo ${x/b/§}`, `pattern of a parameter`},
		{`#!bash` + "\n" + `for ((i=§;;)); do :; done`, `arithmetic`},
		{`#!bash` + "\n" + `declare -i n; n=§`, `reads its value as code`},
		{`#!bash` + "\n" + `f() { local -i n; }; n=§`, `reads its value as code`},
		{`#!bash` + "\n" + `declare -n r=§`, `reads its value as code`},
		{`#!bash` + "\n" + `declare §`, `name of a variable`},
		{`#!bash` + "\n" + `SECONDS=§`, `reads its value as code`},
		{`#!bash` + "\n" + `mapfile -C § a`, `name a variable for mapfile`},
		{`#!bash` + "\n" + `echo @(a|§)`, `pattern of several`},
		{`#!bash` + "\n" + `exec {§}>f`, `name of a variable`},
		{`#!bash` + "\n" + `bash <<<§`, `bash reads as code`},
	} {
		shell, text := Sh, c.script
		if after, ok := strings.CutPrefix(c.script, "#!bash\n"); ok {
			shell, text = Bash, after
		}
		pieces := strings.Split(text, "§")
		q := Quote(pieces, strings.Split("abcdefghijklmnopqrstuvwxyz", "")[:len(pieces)-1], shell)
		if len(q.Wrong) == 0 {
			if got := show(q.Text); got != c.want {
				t.Errorf("%s: %s\n got %s\nwant %s", shell, text, got, c.want)
			}
			continue
		}
		if got := q.Wrong[0].Text; !strings.Contains(got, c.want) || strings.Contains(c.want, `"${1}"`) {
			t.Errorf("%s: %s\n refused: %s\n    want %s", shell, text, got, c.want)
		}
	}
}

// TestQuoteOnce: an expression that stands in several places has one variable; in a comment it has none.
func TestQuoteOnce(t *testing.T) {
	q := Quote([]string{"# ", "\necho ", " \"", "", "\" ", "\n"}, []string{"z", "a", "b", "a", "b"}, Sh)
	if got, want := show(q.Text), "# ...\necho \"${1}\" \"${2}${1}\" \"${2}\"\n"; got != want || !slices.Equal(q.Reads, []int{1, 2}) {
		t.Errorf("got %s with %v, want %s", got, q.Reads, want)
	}
}

// TestQuoteHard: no script is too much, however it is nested.
func TestQuoteHard(t *testing.T) {
	for name, text := range map[string]string{
		"substitutions":  strings.Repeat("$(", maxLength/2-20) + "§",
		"closed":         strings.Repeat("$(", maxLength/3-20) + "§" + strings.Repeat(")", maxLength/3-20),
		"blocks":         strings.Repeat("{ ", maxLength/5-20) + "echo §" + strings.Repeat(";}", maxLength/5-20),
		"subshells":      strings.Repeat("( ", maxLength/5-20) + "echo §" + strings.Repeat(" )", maxLength/5-20),
		"quotes":         strings.Repeat(`"$(echo `, maxLength/10-20) + "§" + strings.Repeat(`)"`, maxLength/10-20),
		"pipes":          "echo §" + strings.Repeat("|a", maxLength/2-20),
		"conditions":     strings.Repeat("if a;then ", maxLength/14) + "echo §" + strings.Repeat(";fi", maxLength/14),
		"parameters":     "echo " + strings.Repeat("${a:-", maxLength/7) + "§" + strings.Repeat("}", maxLength/7),
		"redirects":      strings.Repeat("{ ", maxLength/24) + "echo §" + strings.Repeat(";}>FLOWRUN", maxLength/24),
		"here-documents": "cat" + strings.Repeat(" <<E", 2000) + "\n" + strings.Repeat("§\nE\n", 2000),
		"expressions":    strings.Repeat("echo §;", 5000),
		"words":          "echo" + strings.Repeat(" §", 6000),
		"one word":       "echo " + strings.Repeat("§", 6000),
	} {
		pieces := strings.Split(text, "§")
		exprs := make([]string, len(pieces)-1)
		begin := time.Now()
		q := Quote(pieces, exprs, Sh)
		t.Logf("%-15s %6d ms, %d bytes, %d wrong", name, time.Since(begin).Milliseconds(), len(text), len(q.Wrong))
		if len(q.Wrong) == 0 && len(q.Text) < len(text)/2 {
			t.Errorf("%s: the script got lost: %.100q", name, q.Text)
		}
	}
}
