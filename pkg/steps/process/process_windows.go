package process

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// leader is the first process of a step, and the job that it and its descendants are in. They are killed when the
// job's last handle is closed, so also when this program ends, whatever ends it.
type leader struct {
	process *os.Process
	job     windows.Handle
}

// fork starts the leader suspended, so that it is in the job before it makes others.
func fork(spec Spec, files []*os.File) (*leader, error) {
	if spec.Mode == Isolated {
		return nil, errNoIsolation
	}
	flags := uint32(windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED)
	if spec.Mode == Terminal { // a new group would not get Ctrl-C
		flags = windows.CREATE_SUSPENDED
	}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	var p *os.Process
	if err == nil {
		p, err = os.StartProcess(spec.Path, spec.Args, &os.ProcAttr{
			Dir: spec.Dir, Env: append([]string{}, spec.Env...), Files: files,
			Sys: &syscall.SysProcAttr{CreationFlags: flags},
		})
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	if err := enter(job, uint32(p.Pid)); err != nil {
		_ = p.Kill()
		_, _ = p.Wait()
		_ = windows.CloseHandle(job)
		return nil, err
	}
	return &leader{process: p, job: job}, nil
}

// enter puts a suspended process into the job and lets it run.
func enter(job windows.Handle, pid uint32) error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, pid)
	if err != nil {
		return err
	}
	err = windows.AssignProcessToJobObject(job, h)
	_ = windows.CloseHandle(h)
	if err != nil {
		return err
	}
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(snapshot)
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(snapshot, &entry); err == nil; err = windows.Thread32Next(snapshot, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		t, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return err
		}
		_, err = windows.ResumeThread(t)
		_ = windows.CloseHandle(t)
		return err
	}
	return err
}

// await tells p when the leader has ended.
func (l *leader) await(p *Process) {
	go func() {
		defer close(p.ended)
		l.wait()
	}()
}

func (l *leader) wait() {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(l.process.Pid))
	if err != nil {
		return
	}
	defer windows.CloseHandle(h)
	_, _ = windows.WaitForSingleObject(h, windows.INFINITE)
}

// tell ends the job: there is no signal here that every program takes.
func (l *leader) tell(string) { l.kill() }

func (l *leader) number() int { return l.process.Pid }

func (l *leader) kill() { _ = windows.TerminateJobObject(l.job, 1) }

// left is the leader's number as often as processes are in the job; which they are is not asked.
func (l *leader) left() (left []int) {
	var info struct { // JOBOBJECT_BASIC_ACCOUNTING_INFORMATION
		times                               [4]int64
		faults, total, active, terminations uint32
	}
	err := windows.QueryInformationJobObject(l.job, 1, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return nil
	}
	for range info.active {
		left = append(left, l.process.Pid)
	}
	return left
}

func (l *leader) collect() Exit {
	defer windows.CloseHandle(l.job)
	state, err := l.process.Wait()
	if err != nil {
		panic("process: a leader that is ours cannot be waited for: " + err.Error())
	}
	return Exit{Code: state.ExitCode()}
}

// InForce says which means of ending all of a step this process has.
func InForce() []Means {
	return []Means{{"job", true, "a step is a job object, which ends with flowrun"}}
}

// Signal says whether a name, as TERM, is that of a signal.
func Signal(name string) bool { return name == "TERM" || name == "INT" || name == "KILL" }

// detached is what a process has to itself that is no part of this program.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}
