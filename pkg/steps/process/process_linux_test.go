package process

import (
	"io"
	"os/exec"
	"runtime/pprof"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A live process must not cost a thread: the runtime dies at 10,000.
func TestNoThreadForEach(t *testing.T) {
	before := pprof.Lookup("threadcreate").Count()
	var all []*job
	for range 100 {
		all = append(all, start(t, script("exec sleep 1000", io.Discard), 200*time.Millisecond))
	}
	for _, p := range all {
		p.Kill()
	}
	for _, p := range all {
		wait(t, p)
	}
	if n := pprof.Lookup("threadcreate").Count() - before; n >= len(all) { // a busy machine makes some for calls that take long
		t.Errorf("%d threads for 100 processes", n)
	}
}

// What has left the group is ended, too, in a program that has other children.
func TestNothingThatLeftIsLeft(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip(err)
	}
	t.Parallel()
	for name, text := range map[string]string{
		"session":             `setsid sh -c 'echo $$; exec sleep 1000' & `,
		"daemon":              `setsid sh -c '(echo $$; exec sleep 1000) </dev/null 2>&1 & exit'; `,
		"cleared environment": `env -i sh -c 'echo $$; exec sleep 1000' & `,
		"ignores":             `trap '' TERM HUP INT; setsid sh -c 'echo $$; sleep 1000; sleep 1000' & `,
		"stopped":             `setsid sh -c 'echo $$; kill -STOP $$' & `,
	} {
		for how, act := range map[string]func(*job){
			"end":  nil,
			"stop": (*job).Stop,
			"kill": (*job).Kill,
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				out := newOutput()
				stay := "sleep 1000"
				if act == nil {
					stay = "read line; exit 0"
				}
				spec := script(text+stay, out)
				p := start(t, spec, 200*time.Millisecond)
				number := out.lines(1)[0]
				if act != nil {
					act(p)
				}
				wait(t, p)
				if lives(t, number) {
					t.Errorf("process %s lives", number)
				}
			})
		}
	}
}

// A program's own children are neither killed nor collected.
func TestChildrenOfOthers(t *testing.T) {
	t.Parallel()
	var others []*exec.Cmd
	for range 20 {
		p := start(t, script("setsid sleep 1000 & setsid sleep 1000 & exit 0", io.Discard), 200*time.Millisecond)
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		others = append(others, cmd)
		wait(t, p)
	}
	for _, cmd := range others {
		if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil || err.Error() != "signal: user defined signal 1" {
			t.Errorf("it ended with %v", err)
		}
	}
}

// A step whose file has the last number that there can be waits for others to end, as with any other lack of descriptors.
func TestLastDescriptor(t *testing.T) {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = min(was.Cur, 1024) // the kernel has a table up to the last
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was) }()
	for _, mode := range []Mode{Apart, Isolated} {
		spec := script("exit 0", io.Discard)
		spec.Mode = mode
		w, err := wire(spec)
		if err != nil {
			t.Fatal(err)
		}
		high, err := unix.FcntlInt(w.child[1], unix.F_DUPFD_CLOEXEC, descriptors()-1)
		if err != nil {
			t.Fatal(err)
		}
		files := slices.Clone(w.child)
		files[1] = uintptr(high)
		if _, err = fork(spec, files); !NoRoom(err) {
			t.Errorf("mode %d: %v", mode, err)
		}
		_ = unix.Close(high)
		w.started()
		w.drop()
	}
}
