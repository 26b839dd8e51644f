package script

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// This is what is known of programs that read an argument, or their input, as code. Of others a value is what an
// argument always is: a text, whose meaning is theirs.

// readAsCode are variables whose values a shell evaluates: numbers of bash, prompts, files that are read at the start.
var readAsCode = []string{
	"BASH_ENV", "ENV", "HISTCMD", "LINENO", "OPTIND", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS4", "RANDOM", "SECONDS", "SRANDOM",
}

// interpreter says which options of a program have code as their value. Without code and without a file it reads its input.
type interpreter struct {
	code   string   // letters
	long   []string // likewise
	values string   // letters of other options with a value
	late   bool     // options may stand behind other arguments
}

func interpreters(name string) (interpreter, bool) {
	switch strings.TrimRight(name, "0123456789.") {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "busybox":
		return interpreter{code: "c", long: []string{"--command"}, values: "oO"}, true
	case "su", "runuser", "script", "sg", "flock":
		return interpreter{code: "c", long: []string{"--command", "--session-command"}, values: "sguwEt", late: true}, true
	case "python", "pypy":
		return interpreter{code: "c", values: "mWX"}, true
	case "expect", "tclsh":
		return interpreter{code: "c", late: true}, true
	case "perl", "ruby", "lua", "osascript":
		return interpreter{code: "eE", values: "I"}, true
	case "node", "deno", "bun":
		return interpreter{code: "ep", long: []string{"--eval", "--print"}, values: "r"}, true
	case "php":
		return interpreter{code: "r", values: "d"}, true
	case "vi", "vim", "nvim", "view", "ex":
		return interpreter{code: "c", long: []string{"+", "--cmd"}, late: true}, true
	case "pwsh", "powershell":
		return interpreter{code: "c", long: []string{"-Command", "-command"}}, true
	}
	return interpreter{}, false
}

// wrappers run the program that their arguments name. The letters are those of options with a value.
func wrappers(name string) (values string, ok bool) {
	switch name {
	case "builtin", "command", "exec", "nohup", "setsid", "time":
		return "a", true
	case "sudo":
		return "ughpCDRT", true
	case "doas", "env", "chroot":
		return "uC", true
	case "nice", "ionice", "stdbuf", "timeout":
		return "ncpkseio", true
	case "xargs":
		return "IinPLdEsa", true
	}
	return "", false
}

func codeOf(name string) reason {
	return reason{"an expression cannot stand in what " + name + " reads as code", ""}
}

func variableOf(name string) reason {
	return reason{"an expression cannot name a variable for " + name + ": a shell runs commands that are in such a value", ""}
}

// wordOf is what is known of a word.
type wordOf struct {
	node *syntax.Word
	// text is the word without quotes up to the first part that is not known; all of it when it is static.
	text         string
	static, hole bool
	slash        bool // a / is in it as written
}

func words(r *reader, list []*syntax.Word) []wordOf {
	out := make([]wordOf, len(list))
	for i, w := range list {
		out[i] = read(r, w)
	}
	return out
}

func read(r *reader, w *syntax.Word) wordOf {
	out := wordOf{node: w, static: true}
	var text strings.Builder
	var parts func(list []syntax.WordPart)
	parts = func(list []syntax.WordPart) {
		for _, p := range list {
			switch p := p.(type) {
			case *syntax.Lit:
				from, to := int(p.Pos().Offset()), int(p.End().Offset())
				s := r.src[from:to]
				if list := r.touched(p); len(list) > 0 {
					s = r.src[from:list[0].from]
					out.slash = out.slash || strings.Contains(r.src[list[0].to:to], "/")
				}
				s = strings.ReplaceAll(s, `\`, "")
				out.slash = out.slash || strings.Contains(s, "/")
				if out.static {
					text.WriteString(s)
				}
				out.static = out.static && len(s) == len(strings.ReplaceAll(r.src[from:to], `\`, ""))
			case *syntax.SglQuoted:
				out.slash = out.slash || strings.Contains(p.Value, "/")
				if out.static {
					text.WriteString(p.Value)
				}
			case *syntax.DblQuoted:
				parts(p.Parts)
			default:
				out.static = false
			}
		}
	}
	parts(w.Parts)
	out.text = text.String()
	out.hole = len(r.touched(w)) > 0
	return out
}

// special says whether the word is a file that may be the standard input.
func special(w wordOf) bool {
	return strings.HasPrefix(w.text, "/dev/") || strings.HasPrefix(w.text, "/proc/")
}

// input says whether the word is the standard input as a file, or an option with that as its value: -, -f-, -f/dev/stdin.
func (w wordOf) input() bool {
	if !strings.HasPrefix(w.text, "-") {
		return special(w)
	}
	return w.text != "--" && strings.HasSuffix(w.text, "-") || strings.Contains(w.text, "/dev/stdin")
}

// option says whether the word may be an option: it is one, or its value decides.
func (w wordOf) option() bool { return strings.HasPrefix(w.text, "-") || w.text == "" && !w.static }

// has says whether the word is a group of short options with one of the letters.
func (w wordOf) has(letters string) bool {
	return strings.HasPrefix(w.text, "-") && !strings.HasPrefix(w.text, "--") && strings.ContainsAny(w.text, letters)
}

// takes says whether the value of the word's last short option, one of the letters, is the next word.
func (w wordOf) takes(letters string) bool {
	return w.static && len(w.text) > 1 && w.has(letters) && strings.ContainsRune(letters, rune(w.text[len(w.text)-1]))
}

// program is the index of the program that the words start, behind what wraps it.
func program(list []wordOf) int {
	i := 0
	for i < len(list) && list[i].static {
		values, ok := wrappers(path.Base(list[i].text))
		if !ok {
			break
		}
		for i++; i < len(list) && list[i].static; i++ {
			w := list[i]
			if w.takes(values) {
				i++
				continue
			}
			number := w.text != "" && w.text[0] >= '0' && w.text[0] <= '9'
			if !strings.HasPrefix(w.text, "-") && !strings.Contains(w.text, "=") && !number {
				break
			}
		}
	}
	return min(i, len(list))
}

// call refuses the expressions in arguments that are code.
func (r *reader) call(list []wordOf) {
	if len(list) == 0 {
		return
	}
	refuse := func(words []wordOf, why reason) {
		for _, w := range words {
			if w.hole {
				r.refuseAll(w.node, why)
			}
		}
	}
	if list[0].hole && !list[0].slash {
		r.refuseAll(list[0].node, whyCommand)
	}
	at := program(list)
	for i, w := range list[:at] {
		if path.Base(w.text) == "env" { // env -S "a command"
			r.leading("env", list[i+1:])
		}
	}
	if at == len(list) {
		return
	}
	if name := list[0].text; at > 0 && (name == "command" || name == "builtin") && list[at].hole && !list[at].slash {
		r.refuseAll(list[at].node, whyCommand)
	}
	name, rest := path.Base(list[at].text), list[at+1:]
	if list[at].static {
		switch name {
		case "eval", "trap", "alias", "bind", "complete", "compgen", "enable", "fc", "watch", "parallel", "tmux", "screen":
			refuse(rest, codeOf(name))
		case "let":
			refuse(rest, whyArith)
		case "[[":
			refuse(rest, reason{"an expression cannot stand in [[ ... ]] of a script for sh, which may be bash", "write [ ... ], or shell: bash"})
		case "unset", "getopts", "mapfile", "readarray":
			refuse(rest, variableOf(name))
		case "declare", "typeset", "local", "export", "readonly":
			r.declaration(name, rest)
		case "read", "test", "[", "wait", "printf":
			r.names(name, rest)
		case ".", "source":
			if len(rest) > 0 && !rest[0].slash {
				refuse(rest[:1], codeOf(name))
			}
		case "awk", "gawk", "mawk", "nawk":
			r.programText(name, rest, "vFfib", "e")
		case "sed", "gsed":
			r.programText(name, rest, "fl", "e")
		case "ssh":
			r.remote(rest)
		}
		_, interprets := interpreters(name)
		if interprets {
			r.leading(name, rest)
		}
		for _, w := range rest {
			if (interprets || name == "." || name == "source") && substituted(w.node) {
				r.refuseAll(w.node, codeOf(name))
			}
		}
	}
	if name == "echo" {
		return
	}
	for i, w := range list[at:] {
		if in, ok := interpreters(path.Base(w.text)); ok && w.static {
			r.interpreter(path.Base(w.text), in, list[at+i+1:])
		}
	}
}

// leading refuses an expression that may be an option of an interpreter, and so make code of what follows.
func (r *reader) leading(name string, rest []wordOf) {
	for _, w := range rest {
		switch {
		case w.text == "--" && w.static, !w.option():
			return
		case w.hole:
			r.refuseAll(w.node, reason{codeOf(name).text + ": it may be an option", "write -- before it"})
		}
	}
}

// interpreter refuses expressions in the code that its options hold.
func (r *reader) interpreter(name string, in interpreter, rest []wordOf) {
	for i := 0; i < len(rest); i++ {
		w := rest[i]
		code := w.has(in.code)
		for _, long := range in.long {
			code = code || strings.HasPrefix(w.text, long)
		}
		switch {
		case code:
			r.refuseAll(w.node, codeOf(name))
			if i+1 < len(rest) {
				r.refuseAll(rest[i+1].node, codeOf(name))
			}
			// A word behind it may be an option of a shell still, as in sh -c -e.
			for i++; i < len(rest) && strings.HasPrefix(rest[i].text, "-"); i++ {
				if i+1 < len(rest) {
					r.refuseAll(rest[i+1].node, codeOf(name))
				}
			}
			return
		case w.takes(in.values):
			i++
		case !in.late && (!w.option() || w.text == "--"):
			return
		}
	}
}

// declarations in words: NAME=value with a name that is known.
func (r *reader) declaration(name string, rest []wordOf) {
	special := false
	for _, w := range rest {
		special = special || w.has("aAin")
		variable, _, assigned := strings.Cut(w.text, "=")
		if w.hole && (special || !assigned || r.numbers[variable]) {
			r.refuseAll(w.node, variableOf(name))
		}
	}
}

// declaredBy notes the variables that a declaration in words makes special.
func (r *reader) declaredBy(list []wordOf) {
	at := program(list)
	if at == len(list) {
		return
	}
	switch list[at].text {
	case "declare", "typeset", "local", "export", "readonly":
		special := false
		for _, w := range list[at+1:] {
			variable, _, _ := strings.Cut(w.text, "=")
			if special = special || w.has("in"); special {
				r.numbers[variable] = true
			}
		}
	}
}

// names refuses an expression that is, or that another one can make, the name of a variable: behind test -v, printf -v,
// wait -p, and anything that read reads into.
func (r *reader) names(name string, rest []wordOf) {
	for i, w := range rest {
		if !w.hole {
			continue
		}
		before := wordOf{static: true}
		if i > 0 {
			before = rest[i-1]
		}
		wrong := false
		switch name {
		case "printf":
			wrong = i == 1 && before.has("v") || i > 1 && rest[0].has("v") && r.numbers[rest[1].text]
			if i == 0 && w.option() && len(rest) > 1 {
				r.refuseAll(w.node, reason{"an expression cannot be the format of printf", `write printf '%s\n' before it`})
			}
		case "read":
			wrong = !before.takes("dnNptu")
		case "wait":
			wrong = before.has("p") || before.hole && before.option()
		default:
			wrong = before.has("vR") || before.hole && before.option()
		}
		if wrong {
			r.refuseAll(w.node, variableOf(name))
		}
	}
}

// programText refuses an expression in the program of awk or sed: the value of an option of code, else the first
// argument.
func (r *reader) programText(name string, rest []wordOf, values, code string) {
	given := false // as an option
	for i := 0; i < len(rest); i++ {
		w := rest[i]
		switch {
		case w.has(code) || strings.HasPrefix(w.text, "--expression") || strings.HasPrefix(w.text, "--source"):
			given = true
			r.refuseAll(w.node, codeOf(name))
			if w.takes(code) && i+1 < len(rest) {
				i++
				r.refuseAll(rest[i].node, codeOf(name))
			}
		case w.takes(values):
			given = given || w.takes("f")
			i++
		case strings.HasPrefix(w.text, "-") && len(w.text) > 1:
		default:
			if !given {
				r.refuseAll(w.node, codeOf(name))
			}
			return
		}
	}
}

// remote refuses expressions in the command that ssh gives to a shell, and in options that name commands.
func (r *reader) remote(rest []wordOf) {
	const values = "bcDEeFIiJLlmOopQRSWw"
	i := 0
	for ; i < len(rest) && strings.HasPrefix(rest[i].text, "-"); i++ {
		if rest[i].text == "--" {
			i++
			break
		}
		if rest[i].has("oF") || rest[i].text == "-" {
			r.refuseAll(rest[i].node, codeOf("ssh"))
		}
		if rest[i].takes(values) && i+1 < len(rest) {
			if i++; rest[i-1].takes("oF") {
				r.refuseAll(rest[i].node, codeOf("ssh"))
			}
		}
	}
	if i < len(rest) && (i == 0 || rest[i-1].text != "--") {
		r.leading("ssh", rest[i:i+1])
	}
	for i++; i < len(rest); i++ { // behind the host
		r.refuseAll(rest[i].node, reason{"an expression cannot stand in a command for ssh: a shell there reads it once more", "give it by the standard input, or pass it with a program that takes a list of arguments"})
	}
}

// readsCode says whether the standard input of a command, or of anything in it, may be read as code.
func (r *reader) readsCode(n syntax.Node) (why reason, reads bool) {
	syntax.Walk(n, func(x syntax.Node) bool {
		if c, ok := x.(*syntax.CallExpr); ok && !reads {
			why, reads = r.callReadsCode(c)
		}
		return !reads
	})
	return why, reads
}

func (r *reader) callReadsCode(c *syntax.CallExpr) (reason, bool) {
	list := words(r, c.Args)
	at := program(list)
	if at == len(list) {
		return reason{}, false
	}
	name, rest := path.Base(list[at].text), list[at+1:]
	switch {
	case name == "ssh", name == "ed", name == "ex", name == "at", name == "batch", name == "crontab":
		return codeOf(name), true
	case (name == "make" || name == "gmake") && slices.ContainsFunc(rest, wordOf.input):
		return codeOf(name), true
	case name == "read" && slices.ContainsFunc(rest, func(w wordOf) bool { return r.numbers[w.text] }):
		return whyNumber, true
	case (name == "." || name == "source") && len(rest) > 0 && special(rest[0]):
		return codeOf(name), true
	}
	for i, w := range list[at:] {
		base := path.Base(w.text)
		in, ok := interpreters(base)
		if ok && w.static && base != "flock" && base != "script" && (path.Base(list[0].text) == "xargs" || in.reads(list[at+i+1:])) {
			return codeOf(base), true
		}
	}
	return reason{}, false
}

// writesCode says whether what is written to a >( ) in w is read as code.
func (r *reader) writesCode(w *syntax.Word) (why reason, reads bool) {
	for _, p := range w.Parts {
		if p, ok := p.(*syntax.ProcSubst); ok && !reads {
			why, reads = r.readsCode(p)
		}
	}
	return why, reads
}

// substituted says whether a <( ) is in w.
func substituted(w *syntax.Word) bool {
	return slices.ContainsFunc(w.Parts, func(p syntax.WordPart) bool { _, ok := p.(*syntax.ProcSubst); return ok })
}

// reads says whether the interpreter with these arguments reads its code from the standard input.
func (in interpreter) reads(rest []wordOf) bool {
	for i := 0; i < len(rest); i++ {
		w := rest[i]
		switch {
		case w.text == "-" || special(w) || w.has("s"):
			return true
		case w.has(in.code):
			return false
		case w.takes(in.values):
			i++
		case !strings.HasPrefix(w.text, "-"):
			return false
		}
	}
	return true
}
