package cli_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noSleep keeps a program with the race detector from waiting a second at its end.
const noSleep = "GORACE=atexit_sleep_ms=0"

// TestCompletionInShells sits at a terminal with a shell, types a line and a TAB, and reads what the line is then.
func TestCompletionInShells(t *testing.T) {
	folder := completionFolder(t)
	for _, sh := range []struct {
		argv  []string
		setup []string // a key, control-x control-d, that prints the line between control-b and control-c
	}{
		{
			[]string{"bash", "--norc", "--noprofile", "-i"},
			[]string{`bind -x '"\C-x\C-d": printf "\002%s\003" "$READLINE_LINE"'`, `eval "$(flowrun completion bash)"`},
		},
		{
			[]string{"zsh", "-f", "-i"},
			[]string{
				`autoload -Uz compinit; compinit -u -D; setopt no_auto_menu`,
				`dump() { print -rn $'\002'"$BUFFER"$'\003' }; zle -N dump; bindkey '^X^D' dump`, `eval "$(flowrun completion zsh)"`,
			},
		},
	} {
		t.Run(sh.argv[0], func(t *testing.T) {
			at := sit(t, folder, sh.argv, sh.setup)
			for _, c := range []struct{ typed, want string }{
				{"flowrun val", "flowrun validate "},
				{"flowrun lin", "flowrun lint "},
				{"flowrun help pl", "flowrun help plan "},
				{"flowrun run --fo", "flowrun run --format "},
				{"flowrun run --format nd", "flowrun run --format ndjson "},
				{"flowrun run --format=nd", "flowrun run --format=ndjson "},
				{"flowrun run flow.yaml --dr", "flowrun run flow.yaml --dry-run "},
				{"flowrun run fl", "flowrun run flow.yaml "},
				{"flowrun run -- fl", "flowrun run -- flow.yaml "},
				{"flowrun run no", "flowrun run notes.txt "},
				{"flowrun run my", `flowrun run my\ flow.yml `},
				{`flowrun run my\ f`, `flowrun run my\ flow.yml `},
				{"flowrun run 'my f", "flowrun run 'my flow.yml' "},
				{`flowrun run "my f`, `flowrun run "my flow.yml" `},
				{"flowrun run a=", "flowrun run a=b.yaml "},
				{"flowrun run c:", "flowrun run c:d.yaml "},
				{"flowrun run sub/", "flowrun run sub/x.yaml "},
				{"flowrun run su", "flowrun run sub/"},
				{"flowrun run ~/ho", "flowrun run ~/home.yaml "},
				{"flowrun run $HOME/ho", "flowrun run $HOME/home.yaml "},
				{"flowrun run ./fl", "flowrun run ./flow.yaml "},
				{"flowrun validate flow.yaml su", "flowrun validate flow.yaml sub/"},
				{"flowrun run flow.yaml su", "flowrun run flow.yaml su"},
				{"flowrun run -C su", "flowrun run -C sub/"},
				{"flowrun run -Csu", "flowrun run -Csub/"},
				{"flowrun run -C sub x", "flowrun run -C sub x.yaml "},
				{"flowrun run --env-file no", "flowrun run --env-file notes.txt "},
				{"flowrun run --env-file=no", "flowrun run --env-file=notes.txt "},
				{"flowrun run -j 4 fl", "flowrun run -j 4 flow.yaml "},
				{"flowrun run -j ", "flowrun run -j "},
				{"flowrun run flow.yaml -i sh", "flowrun run flow.yaml -i shards="},
				{"flowrun run flow.yaml -i shards=", "flowrun run flow.yaml -i shards=4 "},
				{"flowrun run flow.yaml --input=sh", "flowrun run flow.yaml --input=shards="},
				{"flowrun run flow.yaml -i mode=v", `flowrun run flow.yaml -i mode=very\ slow `},
				{"flowrun run flow.yaml -i 'mode=v", `flowrun run flow.yaml -i 'mode=very slow' `},
				{"flowrun run flow.yaml -i url=", `flowrun run flow.yaml -i url=a://b `},
				{"flowrun run flow.yaml -i url=a:", `flowrun run flow.yaml -i url=a://b `},
				{"flowrun run flow.yaml -i ke", "flowrun run flow.yaml -i key=@"},
				{"flowrun run flow.yaml -i key=@no", "flowrun run flow.yaml -i key=@notes.txt "},
				{"flowrun explain duplicate-i", "flowrun explain duplicate-id "},
				{"flowrun completion po", "flowrun completion powershell "},
				{"flowrun nosuch ", "flowrun nosuch "},
				{"flowrun run $(touch ran) --fo", "flowrun run $(touch ran) --format "},
			} {
				if got := at.tab(c.typed); got != c.want {
					t.Errorf("%s<TAB>\ngot  %q\nwant %q", c.typed, got, c.want)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(folder, "ran")); err == nil {
		t.Error("a completion ran something")
	}
}

// TestCompletionInFish asks fish what it would offer.
func TestCompletionInFish(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("fish is not installed")
	}
	folder := completionFolder(t)
	for _, c := range []struct{ typed, want string }{
		{"flowrun val", "validate\tprint what is wrong in files, or looks so; nothing runs"},
		{"flowrun run --dr", "--dry-run\tonly show what would be done, as plan does"},
		{"flowrun run --format n", "ndjson\tone event a line"},
		{"flowrun run --format=n", "--format=ndjson\tone event a line"},
		{"flowrun run ", "a=b.yaml|c:d.yaml|flow.yaml|home/|my flow.yml|sub/"},
		{"flowrun run no", "notes.txt"},
		{"flowrun run my", "my flow.yml"},
		{`flowrun run my\ f`, "my flow.yml"},
		{"flowrun run 'my f", "my flow.yml"},
		{"flowrun run ~/ho", "~/home.yaml"},
		{"flowrun run -C s", "sub/"},
		{"flowrun run -Cs", "-Csub/"},
		{"flowrun run -C sub ", "x.yaml"},
		{"flowrun run --env-file=no", "--env-file=notes.txt"},
		{"flowrun run -j ", ""},
		{"flowrun run flow.yaml -i ", "tag=\tstring, required: which: tag|shards=\tinteger = 4: how many|mode=\tstring, required" +
			"|url=\tstring = a://b|key=@\tstring, secret: name a file"},
		{"flowrun run flow.yaml -i mode=", "mode=fast|mode=very slow|mode=it's"},
		{"flowrun run flow.yaml -i key=@no", "key=@notes.txt"},
		{"flowrun nosuch ", ""},
		{"flowrun run (touch ran) --dr", "--dry-run\tonly show what would be done, as plan does"},
	} {
		cmd := exec.Command(fish, "--no-config", "-c", "flowrun completion fish | source; complete -C $argv[1]", c.typed)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "HOME="+filepath.Join(folder, "home"), "LC_ALL=C.UTF-8", noSleep)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := strings.ReplaceAll(strings.TrimSuffix(string(out), "\n"), "\n", "|"); got != c.want {
			t.Errorf("%s<TAB>\ngot  %q\nwant %q", c.typed, got, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "ran")); err == nil {
		t.Error("a completion ran something")
	}
}

// completionFolder has a workflow that is half written, and files whose names are not easy.
func completionFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files := map[string]string{
		"my flow.yml": "", "notes.txt": "", "sub/x.yaml": "", "home/home.yaml": "", "a=b.yaml": "", "c:d.yaml": "",
		"flow.yaml": `flowrun: 1
inputs:
  tag: {type: string, description: "which:\n tag"}
  shards: {type: integer, default: 4, description: how many}
  mode: {type: string, enum: [fast, very slow, "it's"]}
  url: {type: string, default: "a://b"}
  key: {type: string, secret: true, default: abc}
steps:
  - {run: touch ran, retry
`,
	}
	for name, text := range files { // the order is nobody's
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// desk is a shell at a terminal.
type desk struct {
	t       *testing.T
	master  *os.File
	shown   *bufio.Reader
	tooLong *time.Timer // ends the shell
}

// sit starts a shell on a terminal of its own, with HOME in the folder.
func sit(t *testing.T, folder string, argv, setup []string) *desk {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Skipf("%s is not installed", argv[0])
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(path, argv[1:]...)
	cmd.Dir = folder
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(folder, "home"), "TERM=xterm", "PS1=$ ", "LC_ALL=C.UTF-8", noSleep,
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	tooLong := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) // which ends a read of the terminal
	t.Cleanup(func() {
		master.Close()
		cmd.Process.Kill()
		cmd.Wait()
		tooLong.Stop()
	})
	d := &desk{t, master, bufio.NewReader(master), tooLong}
	for _, line := range append(setup, `PS1=rea''dy:`) {
		fmt.Fprintf(master, "%s\n", line)
	}
	d.until("ready:") // it reads keys by itself from now on
	return d
}

// tab types a line and a TAB; it returns the line, which it clears.
func (d *desk) tab(line string) string {
	d.t.Helper()
	if _, err := fmt.Fprintf(d.master, "%s\t\x18\x04\x15", line); err != nil {
		d.t.Fatal(err)
	}
	d.until("\x02")
	return d.until("\x03")
}

// until reads what is shown up to an end, which it leaves out.
func (d *desk) until(end string) string {
	d.t.Helper()
	d.tooLong.Reset(time.Minute)
	var b strings.Builder
	for !strings.HasSuffix(b.String(), end) {
		c, err := d.shown.ReadByte()
		if err != nil {
			d.t.Fatalf("the shell has gone: %v, and showed %q", err, b.String())
		}
		b.WriteByte(c)
	}
	return strings.TrimSuffix(b.String(), end)
}
