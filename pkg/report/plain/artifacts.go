package plain

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/report/model"
)

// maxArtifacts is how many files are named that steps have kept.
const maxArtifacts = 10

// artifacts shows the files that steps have kept, and how one gets them.
func (p *Printer) artifacts() {
	shown, files, bytes := 0, 0, int64(0)
	p.run.Steps(func(s *model.Step) {
		for _, a := range s.Artifacts {
			files++
			bytes += a.Size
			if shown == maxArtifacts {
				continue
			}
			if shown++; shown == 1 {
				p.out.WriteString("\n" + p.paint(bold, "artifacts") + "\n")
			}
			p.out.WriteString(clean(fmt.Sprintf("  %s: %s (%s)", p.label(s.Path), a.Path, size(a.Size)), false) + "\n")
		}
	})
	if files > shown {
		fmt.Fprintf(p.out, "  … %d more; %s in all\n", files-shown, size(bytes))
	}
	if files > 0 && p.opt.Artifacts != "" {
		p.out.WriteString("get them: " + clean(p.opt.Artifacts, false) + " --to DIR\n")
	}
}
