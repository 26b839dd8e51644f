package portable

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// paths looks at the paths of files that l names.
func (c *checker) paths(l *plan.Leaf) {
	tell := func(t *expr.Template, help string) {
		if at, ok := beginning(t); ok && ofHost(at) {
			c.warn(t.Pos, "remote-host-path", help, "%s is a path of this machine, and on workers there may be none", at)
		}
	}
	const relative = "write it relative to the workflow's file: a worker has a folder in the place of the one where the run is started"
	const name = "write the name alone, which is looked for in PATH, or a path relative to the workflow's file"
	for _, a := range l.Args {
		switch src := a.Value.Src; a.Key {
		case "dir":
			tell(src, relative)
		case "run", "shell":
			if first := item(src); first != nil {
				tell(first, name)
			}
		case "http":
			if t, ok := member(src, "save"); ok {
				tell(t, relative)
			}
			if tls, ok := member(src, "tls"); ok {
				if t, ok := member(tls, "ca"); ok {
					tell(t, relative)
				}
			}
		}
	}
}

// item is the first item of a list; nil: t is none.
func item(t *expr.Template) *expr.Template {
	if t.Shape == expr.Sequence {
		return t.List[0]
	}
	if list, ok := t.Const.([]any); ok && len(list) > 0 {
		return expr.New(t.Pos, list[0])
	}
	return nil
}

// beginning is how a text begins, as far as it is written out.
func beginning(t *expr.Template) (string, bool) {
	if t.Shape == expr.Interpolated {
		return t.Parts[0].Text, true
	}
	text, ok := t.Const.(string)
	return text, ok
}

// ofHost says that an absolute path is one of a machine that others need not have. What comes with every system is not, nor is
// what is made for a machine that is one of many: what is mounted, and the secrets of a container.
func ofHost(p string) bool {
	if len(p) > 2 && p[1] == ':' && (p[2] == '\\' || p[2] == '/') {
		p = strings.ToLower(path.Clean(strings.ReplaceAll(p[2:], `\`, "/")))
		return !slices.ContainsFunc([]string{"/windows", "/program files", "/program files (x86)"}, within(p))
	}
	if !strings.HasPrefix(p, "/") || strings.Trim(p, "/") == "" {
		return false
	}
	return !slices.ContainsFunc([]string{
		"/bin", "/sbin", "/usr", "/lib", "/lib64", "/opt", "/etc", "/dev", "/proc", "/sys", "/tmp", "/var/tmp", "/nix", "/snap",
		"/System", "/Library", "/Applications", "/mnt", "/media", "/net", "/Volumes", "/run/secrets", "/var/run/secrets",
	}, within(path.Clean(p)))
}

func within(p string) func(folder string) bool {
	return func(folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }
}

// loopback is an address of the machine itself.
var loopback = regexp.MustCompile(`(?:^|[^\w.-])(localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:$|[^\w.-])`)

// semaphores looks at those of the machine, unless all who take one have a queue of their own, so that somebody has thought of
// where they are.
func (c *checker) semaphores() {
	spread := map[int32]bool{}
	for _, s := range c.plan.Steps {
		plan.Walk(s.Body, func(n plan.Node) {
			if h, ok := n.(*plan.Hold); ok && !queued(s) {
				spread[h.Sem] = true
			}
		})
	}
	for i, x := range c.plan.Semaphores {
		if x.Machine && spread[int32(i)] {
			c.warn(x.Pos, "remote-semaphore", fmt.Sprintf("write the same queue on all steps that take it: a worker of that queue with --slots %d does what the semaphore is for", x.Permits),
				"on workers the semaphore %q bounds the steps of this run alone, on all machines together", x.Name)
		}
	}
}

// queued says that s itself says on which workers it is carried out.
func queued(s *plan.Step) bool {
	l, ok := s.Action().(*plan.Leaf)
	return ok && argument(l, "queue") != nil
}

// service looks at a service that is asked on an address of its machine. With a queue of its own somebody has thought of where
// it is.
func (c *checker) service(s *plan.Step) {
	if s.Ready == nil || queued(s) {
		return
	}
	for _, a := range s.Ready.Probe.Args {
		for _, text := range texts(a.Value.Src) {
			if m := loopback.FindStringSubmatch(text); m != nil && a.Key != "log" {
				c.warn(a.Value.Pos, "remote-service", "write the same queue on it and on the steps that use it, with one worker for that queue",
					"this service is at %s, and the steps that use it may be carried out on other workers", m[1])
				return
			}
		}
	}
}

// texts are those of t that are written out.
func texts(t *expr.Template) (out []string) {
	var constant func(v any)
	constant = func(v any) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, x := range v {
				constant(x)
			}
		case map[string]any:
			if url, ok := v["url"]; ok {
				constant(url)
			}
		}
	}
	switch t.Shape {
	case expr.Constant:
		constant(t.Const)
	case expr.Interpolated:
		for _, p := range t.Parts {
			out = append(out, p.Text)
		}
	case expr.Sequence:
		for _, x := range t.List {
			out = append(out, texts(x)...)
		}
	case expr.Mapping:
		for i, x := range t.Vals {
			if t.Keys[i] == "url" {
				out = append(out, texts(x)...)
			}
		}
	}
	return out
}
