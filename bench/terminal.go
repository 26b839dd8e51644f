package main

import (
	"fmt"
	"os/exec"
	"time"
)

// terminalFigures are about what it costs to show a run as a tree, on a terminal of script(1) whose output is a file.
func terminalFigures(r *report) error {
	script, err := exec.LookPath("script")
	if err != nil {
		r.note("the tree on a terminal", "left out: there is no script(1)", "")
		return nil
	}
	w, err := newWorkshop()
	if err != nil {
		return err
	}
	defer w.close()
	const quick = 10_000
	many, err := w.write("many.yaml", generatedRuns(`["true"]`, quick))
	if err != nil {
		return err
	}
	const long = 3 * time.Second
	rows, err := w.write("rows.yaml", fmt.Sprintf("flowrun: 1\nsteps: [{gather: {for: i, in: range(100), do: {run: [sleep, %d]}}}]\n", int(long.Seconds())))
	if err != nil {
		return err
	}
	shown := func(how, file string) []string {
		line := "stty rows 40 cols 120; unset CI NO_COLOR; TERM=xterm LANG=C.UTF-8 exec " + w.flowrun + " run --progress " + how + " " + file
		return []string{script, "-qec", line, "/dev/null"}
	}
	took, err := turns(min(r.rounds, 3), w.work(shown("none", many)...), w.work(shown("tty", many)...), w.work(shown("plain", many)...))
	if err != nil {
		return err
	}
	over := ratio(took[1].median(), took[0].median())
	r.row(
		"10,000 true, two at a time, as a tree", fmt.Sprintf("%s, not shown %s", ms(took[1].median()), ms(took[0].median())),
		times(over), "<= 1.1 x", over <= 1.1,
	)
	r.note("the same, as lines", ms(took[2].median()), times(ratio(took[2].median(), took[0].median())))
	var worked [2]spread
	for range min(r.rounds, 3) {
		for i, how := range []string{"none", "tty"} {
			cmd := w.command(shown(how, rows)...)
			if err := cmd.Run(); err != nil {
				return err
			}
			worked[i] = append(worked[i], cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	share := ratio(worked[1].median()-worked[0].median(), long)
	r.row("100 steps that sleep, as a tree", fmt.Sprintf("%.2f %% of a core more", 100*share), "", "<= 2 %", share <= 0.02)
	return nil
}
