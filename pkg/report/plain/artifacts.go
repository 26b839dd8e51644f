package plain

import "fmt"

// maxArtifacts is how many files are named that steps have kept.
const maxArtifacts = 10

// artifacts shows the files that steps have kept, and how one gets them.
func (p *Printer) artifacts() {
	list := p.run.Artifacts()
	if len(list) == 0 {
		return
	}
	p.out.WriteString("\n" + p.paint(bold, "artifacts") + "\n")
	bytes := int64(0)
	for i, a := range list {
		if bytes += a.Size; i < maxArtifacts {
			p.out.WriteString(clean(fmt.Sprintf("  %s: %s (%s)", p.label(a.Step.Path), a.Path, size(a.Size)), false) + "\n")
		}
	}
	if more := len(list) - maxArtifacts; more > 0 {
		fmt.Fprintf(p.out, "  … %d more; %s in all\n", more, size(bytes))
	}
	if p.opt.Artifacts != "" {
		p.out.WriteString("get them: " + clean(p.opt.Artifacts, false) + " --to DIR\n")
	}
}
