package steps

// exitHint explains the exit codes that people ask about: those by which a shell, or a program that starts others, says what became
// of a command.
func exitHint(code int, script bool) string {
	switch {
	case script && code == 127:
		return ": a command of the script was not found"
	case script && code == 126:
		return ": a command of the script was found but is not executable"
	case code == 127:
		return ": so says a program that did not find another one"
	case code == 126:
		return ": so says a program that could not start another one"
	}
	// The numbers that are alike on all systems.
	name, known := map[int]string{
		1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 8: "FPE", 9: "KILL", 11: "SEGV", 13: "PIPE", 14: "ALRM", 15: "TERM",
	}[code-128]
	if !known {
		return ""
	}
	return ": something in it was killed by SIG" + name + signalHint(name)
}

// signalHint is what a signal that a process did not expect means.
func signalHint(name string) string {
	switch name {
	case "KILL":
		return "; out of memory?"
	case "SEGV":
		return " (segmentation fault): a bug in the program"
	case "BUS":
		return " (bus error): a bug in the program, or a file that got shorter"
	case "ILL":
		return " (illegal instruction): built for another processor?"
	case "FPE":
		return " (arithmetic error): a division by zero?"
	case "ABRT":
		return ": the program gave up, its last lines may say why"
	case "PIPE":
		return ": it wrote to a program that had ended"
	case "SYS":
		return ": a system call that is forbidden here"
	case "XCPU":
		return ": its limit of processor time (ulimit -t)"
	case "XFSZ":
		return ": its limit of a file's size (ulimit -f)"
	default:
		return ""
	}
}
