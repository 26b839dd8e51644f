package script

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// snippets are uses of values that a shell, or a program that is everywhere, might read as code. An § is an expression.
const snippets = `
§
§ §
"§" § §
./§
/bin/§ -c §
command § §
command -v §
command -- § §
builtin § §
builtin printf §
exec § §
exec -a § /bin/true
env § §
env -i A=§ §
nohup § §
eval §
eval x=§
trap § EXIT
trap -- § EXIT
x=§; echo $x; echo "$x"
x=§ y=§ env
export x=§
export §
export x=§ §
readonly x=§
readonly §
local x=§
f() { local x=§; local §; }; f
f() { local -i x=§; }; f
f() { local -n x=§; echo $x; }; f
declare x=§
declare §
declare -i x=§
declare -i x; x=§
typeset -i x; x+=§
typeset -i x; for x in §; do :; done
declare -i x; read x <<<§
declare -i x; printf -v x %s §
declare -a x=§
declare -A x=§
declare -A x; x[§]=1
declare -A x; x+=([§]=1)
declare -A x=(§ §)
declare -n x=§; echo $x
declare -n x; x=§; echo $x
declare -x x=§
declare -g x=§
declare -l x=§
declare -r x=§
declare "x=§"
declare "§"
declare -"§" §
declare -$o x=§
x=(§ §)
x=([§]=1)
x=(a); x[0]=§; echo "${x[0]}"
x=(a); x[§]=1
x+=(§)
x+=§
unset §
unset -v §
unset "x[§]"
read §
read x§ </dev/null
read -p § x </dev/null
read -r -p "§" x </dev/null
read -a § </dev/null
read -n § x </dev/null
read -d § x </dev/null
read -t § x </dev/null
read x <<<§
mapfile § </dev/null
mapfile -C § x </dev/null
mapfile -t x <<<§; echo "${x[0]}"
readarray -c 1 -C § x <<<a
getopts § x
getopts a § -a
getopts a x §
printf §
printf § §
printf "§\n"
printf %s §
printf %d §
printf %q §
printf %b §
printf '%*d' § 1
printf -v § x
printf -v x §
printf -v x %s §; echo "$x"
printf -- § §
echo §
echo -e §
echo -n § §
test §
test § §
test § § §
test § = §
test § -eq §
test -v §
test -z §
test -n § -a -n §
test ! §
test ! § §
[ § ]
[ § § ]
[ § -eq 1 ]
[ 1 -lt § ]
[ -v § ]
[ -R § ]
[ -o § ]
[ -t § ]
[ -e § -o -v § ]
[ § -nt § ]
[ ! -v § ]
[ a = a -a § § ]
[[ § ]]
[[ § == § ]]
[[ § = § ]]
[[ § != § ]]
[[ § =~ § ]]
[[ § < § ]]
[[ § -nt § ]]
[[ § -eq 1 ]]
[[ 1 -eq § ]]
[[ -v § ]]
[[ -n § ]]
[[ -t § ]]
[[ -o § ]]
[[ ! -f § && ( -d § || -r § ) ]]
let §
let x=§
let "x = §"
((§))
((x=§))
(( § )) || true
echo $((§))
echo $((x+§))
echo $[§]
echo "$((§))"
x=§; echo $((1))
for ((i=§;0;)); do :; done
for i in §; do echo "$i"; done
for i in § §; do printf '%s' "$i"; done
for § in a; do :; done
select i in §; do break; done </dev/null
case § in §) ;; esac
case § in a§*|§) ;; [§]) ;; esac
case x in §) ;; esac
while read -r l; do echo "$l"; done <<<§
until true; do §; done
if § ; then :; fi
if [ § = a ]; then echo §; fi
{ echo §; }
( echo § )
! echo §
time echo §
coproc cat <<<§; wait
coproc § { :; }
echo § &
wait
wait §
wait -n §
wait -p §
wait -p x §
jobs §
kill §
kill -0 §
disown §
fg §
ulimit §
umask §
shift §
return §
exit §
break §
set §
set -- § §
set -- §; echo "$1" "$@" $1
set -o §
set +o §
shopt -s §
shopt §
alias §
alias x=§
unalias §
hash §
hash -p § x
type §
type -p §
help §
caller §
cd §
cd -- §
pushd §
pwd §
dirs §
enable §
enable -f § §
bind §
bind -x §
complete -W § x
complete -C § x
compgen -W §
compgen -C §
compgen -A §
compgen -v §
compgen -F §
fc -e § §
history §
logout §
suspend §
times §
. §
. ./§
source § §
source /dev/stdin <<<§
source <(echo §)
bash <(echo §)
bash §
bash § §
bash -c §
bash -c 'echo "$1"' x §
bash -c 'echo' §
bash +x §
bash -x § §
bash --rcfile § -i </dev/null
bash --init-file § -i </dev/null
bash -o § -c §
bash -s § </dev/null
bash <<<§
sh §
sh -c §
sh -c "echo §"
sh -c 'echo "$0" "$@"' § §
sh -c 'eval "$1"' x true
sh -- §
sh <<< §
sh -s § </dev/null
sh -s -- § </dev/null
echo § | sh
echo § | bash -s
echo § | cat | sh -e
echo § | xargs
echo § | xargs echo
echo § | xargs -I{} echo {}
echo § | xargs -I{} sh -c {}
echo § | xargs -I{} sh -c 'echo {}'
echo a | xargs §
echo a | xargs -I§ echo §
xargs sh -c § </dev/null
echo § | while read -r l; do printf '%s' "$l"; done
echo § | tee /dev/null
{ echo §; } | sh
(echo §) | sh
echo § | { sh; }
echo § | (sh)
echo § | time sh
echo § | if true; then sh; fi
echo § | env sh
echo § | command sh
echo § | /bin/sh
echo § | nice -n 5 sh
echo § | . /dev/stdin
echo § | source /dev/fd/0
echo § > >(sh)
echo § | tee >(sh) >/dev/null
sh < <(echo §)
sh <<E§E
nice §
nice -n § true
timeout § true
timeout 1 §
timeout 1 sh -c §
setsid §
stdbuf -o0 §
find . -maxdepth 0 -name §
find § -maxdepth 0
find . -maxdepth 0 -exec sh -c § \;
find . -maxdepth 0 -exec echo § \;
awk § /dev/null
awk "BEGIN{§}"
awk -v x=§ 'BEGIN{print x}'
awk -vx=§ 'BEGIN{print x}'
awk 'BEGIN{print ARGV[1]}' §
awk -- § /dev/null
awk -f § /dev/null
sed § /dev/null
sed -e § /dev/null
sed -n -e "§" /dev/null
sed --expression=§ /dev/null
sed s/a/§/ /etc/hostname
sed -n p §
sed -ne § /etc/hostname
sed -i.bak p § §
perl -e §
perl -ne § /dev/null
perl §
python3 -c §
python3 -c 'import sys' §
grep § /dev/null
grep -e § /dev/null
sort §
cat § <<<§
cat <§
cat <<<§
cat <<<"§"
cat >/dev/null <<<x§
echo a >§
echo a >&§
echo a 2>&§
echo a <&§
echo a >>"§"
echo a &>§
exec 3>§
exec {fd}>§
exec {§}>/dev/null
echo ${x§}
echo ${§}
echo ${x:§}
echo ${x:0:§}
echo ${x:-§}
echo "${x:-§}"
echo "${x:-"§"}"
echo ${x-§}
echo ${x:+§}
echo ${x:=§}
echo ${x:?§}
echo ${x#§}
echo ${x%%§}
echo ${x/§/a}
echo ${x/a/§}
echo ${x//§}
echo ${x^§}
echo ${x@§}
echo ${!§}
echo ${!x§}
echo ${x[§]}
echo ${x[@]:§}
echo ${#§}
x=§; echo ${x}
x=§; echo ${x:-a} ${x#a} ${x^^} "${x@Q}"
echo {§,§}
echo {1..§}
echo +(§)
echo @(a|§)
echo ~§
echo *§*
echo [§]
echo a§b"c§d"'e'
echo $'a'§
echo "a"§"b"
echo "$(echo §)"
echo "$(echo "§" "$(echo §)")"
echo $(echo §)
echo "$(<§)"
echo $(( $(echo 1) ))§
PS4=§; set -x; true
PS4=§ bash -xc true
BASH_ENV=§ bash -c true
ENV=§ sh -ic true </dev/null
PROMPT_COMMAND=§
IFS=§; echo $x
PATH=§ true
HOME=§; cd
OPTIND=§
SECONDS=§
RANDOM=§
LINENO=§
HISTCMD=§
SRANDOM=§
EPOCHSECONDS=§
BASHPID=§
BASH_ARGV0=§
BASH_ALIASES[x]=§
BASH_CMDS[x]=§; x
COMP_WORDBREAKS=§
DIRSTACK=§
FUNCNAME=§
GROUPS=§
PIPESTATUS=§
BASH_COMPAT=§
BASH_XTRACEFD=§
CHILD_MAX=§
FUNCNEST=§
GLOBIGNORE=§; echo *
HISTCONTROL=§
HISTFILE=§
HISTSIZE=§
HISTTIMEFORMAT=§
TIMEFORMAT=§; time true
TMOUT=§
MAILPATH=§
MAILCHECK=§
POSIXLY_CORRECT=§
SHELLOPTS=§ bash -c true
BASHOPTS=§ bash -c true
function f { echo §; }; f
f() { echo "$1"; }; f §
f() { eval "$1"; }; f a
su -c § nobody
su nobody -c §
script -qc § /dev/null
flock /dev/null -c §
flock /dev/null §
watch §
parallel ::: §
make -f /dev/null §
echo "all: ; §" | make -f - all
echo § | make -f /dev/null x=1
tar cf /dev/null §
git -c § version
git §
vi -c § -c q
ed § </dev/null
# § is §
`

// TestShells runs every snippet that is accepted in real shells, with values that are code wherever something is evaluated.
func TestShells(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	values := [][2]string{
		{"$(touch M)", "`touch M`"},
		{"a[$(touch M)]", "a[$(touch M)]"},
		{"-v", "a[$(touch M)]"},
		{"-c", "touch M"},
		{"x[`touch M`]=1", "touch M"},
		{"eval", "touch M"},
		{"; touch M;", "a\ntouch M\n"},
		{"-p", "a[$(touch M)]"},
		{"x", "$(touch M)"},
	}
	shells := []struct {
		kind Shell
		argv []string
	}{
		{Bash, []string{bash, "--norc", "--noprofile"}},
		{Sh, []string{"sh"}},
		{Sh, []string{bash, "--posix"}},
	}
	if testing.Short() {
		values, shells = values[:2], shells[:1]
	}
	if !executes(t, shells[0].argv, kind.Quoted{Text: "eval \"${FLOWRUN_VALUE_1}\"", Reads: []int{0}}, [2]string{"touch M"}) {
		t.Fatal("nothing that is run is seen")
	}
	for _, shell := range shells {
		t.Run(strings.Join(shell.argv, " "), func(t *testing.T) {
			t.Parallel()
			for _, text := range strings.Split(strings.Trim(snippets, "\n"), "\n") {
				pieces := strings.Split(text, "§")
				q := Quote(pieces, strings.Split("abcdefgh", "")[:len(pieces)-1], shell.kind)
				for _, v := range values {
					if len(q.Wrong) == 0 && executes(t, shell.argv, q, v) {
						t.Errorf("%s with %q is run", text, v)
					}
				}
			}
		})
	}
}

// executes runs a script with the values by turns, and says whether they did something: touch M.
func executes(t *testing.T, shell []string, q kind.Quoted, values [2]string) bool {
	t.Helper()
	work := t.TempDir()
	marker := filepath.Join(work, "no", "M")
	if err := os.Mkdir(filepath.Dir(marker), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell[0], append(shell[1:len(shell):len(shell)], "-c", q.Text)...)
	cmd.Dir = work
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + work}
	for i := range q.Reads {
		cmd.Env = append(cmd.Env, Variable(i+1)+"="+strings.ReplaceAll(values[i%2], "M", marker))
	}
	_ = cmd.Run() // most end with some error
	_, err := os.Lstat(marker)
	return err == nil
}
