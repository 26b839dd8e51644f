package tree

// A step with a namespace of process numbers has a first process there, as a system has init: orphans come to it, and
// with it the kernel ends everything in the namespace. It is this program again, called InitName, in package supervisor.
//
//	InitName PATH ARGUMENTS...     starts the program; its descriptor InitReport says how that went
//	InitName                       only makes the namespace fit to live in
//
// It writes three numbers of 32 bits each in the machine's order: an InitStage and the errno with which it has failed
// (0: it has not), then, when the program has ended, its status as wait4 gives it.

// InitName is the name under which this program is such a process.
const InitName = "flowrun-init"

// InitReport is the descriptor on which it reports.
const InitReport = 3

// InitStage is what it was doing.
type InitStage uint32

// The stages.
const (
	MountProc InitStage = iota // the namespace's own /proc
	StartProgram
)

// ProvideInit says that this program is one that can be started as InitName.
func ProvideInit() { self.init.Store(true) }

// HasInit says whether ProvideInit was called.
func HasInit() bool { return self.init.Load() }
