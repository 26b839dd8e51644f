package files

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// maxSeries bounds the steps with metrics of their own.
const maxSeries = 500

// prom writes metrics of the run in Prometheus' text format, for the textfile collector of node_exporter: one file for each
// workflow, PATH ending in .prom. All are gauges, for they are about the last run and not about all. No label has a value that
// is another in each run, such as its id: each would be a time series for ever. So only steps that are written once and have an
// id have metrics of their own.
func prom(w io.Writer, r *model.Run) error {
	p := &promWriter{w: bufio.NewWriter(w), workflow: [2]string{"workflow", r.Label()}}
	bit := map[bool]float64{true: 1}
	p.family("flowrun_run_info", "The last run: its file, its status, and the version of flowrun.")
	p.sample(1, [2]string{"file", r.Plan.File}, [2]string{"status", r.Word()}, [2]string{"version", r.About.Flowrun})
	p.family("flowrun_run_success", "Whether the last run succeeded.")
	p.sample(bit[r.Word() == "succeeded" || r.Word() == "skipped"])
	p.family("flowrun_run_start_time_seconds", "When the last run began.")
	p.sample(unix(r.Started))
	p.family("flowrun_run_end_time_seconds", "When the last run ended.")
	p.sample(unix(r.Until()))
	p.family("flowrun_run_duration_seconds", "How long the last run took.")
	p.sample(r.Until().Sub(r.Started).Seconds())

	var counts model.Counts
	var retries int
	var queued time.Duration
	var own []*model.Step
	if r.Root != nil {
		counts = r.Root.Counts
	}
	r.Steps(func(s *model.Step) {
		retries += max(0, s.Tries-1)
		queued += s.Queued
		if s.Works() && s.Path == s.Def.ID && s.State == model.Ended && s.Tries > 0 && len(own) < maxSeries {
			own = append(own, s)
		}
	})
	p.family("flowrun_run_steps", "How many steps of the last run ended in which way. Blocks and calls are not counted.")
	for status := event.Succeeded; status <= event.Skipped; status++ {
		p.sample(float64(counts[status]), [2]string{"status", status.String()})
	}
	p.family("flowrun_run_retries", "How many attempts of the last run were not the first.")
	p.sample(float64(retries))
	p.family("flowrun_run_queued_seconds", "How long the steps of the last run waited for needs, slots and semaphores, in all.")
	p.sample(queued.Seconds())
	for _, f := range []struct {
		name, help string
		value      func(s *model.Step) float64
	}{
		{"flowrun_step_success", "Whether the step succeeded in the last run.", func(s *model.Step) float64 { return bit[s.Status == event.Succeeded] }},
		{"flowrun_step_duration_seconds", "How long the step was at work in the last run, with pauses.", func(s *model.Step) float64 { return s.Duration.Seconds() }},
		{"flowrun_step_attempts", "How many attempts the step made in the last run.", func(s *model.Step) float64 { return float64(s.Tries) }},
	} {
		if len(own) > 0 {
			p.family(f.name, f.help)
		}
		for _, s := range own {
			p.sample(f.value(s), [2]string{"step", s.Path})
		}
	}
	return p.w.Flush()
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

type promWriter struct {
	w        *bufio.Writer // which remembers an error
	workflow [2]string     // a label of all
	name     string        // of the family
}

func (p *promWriter) family(name, help string) {
	p.name = name
	fmt.Fprintf(p.w, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

func (p *promWriter) sample(value float64, labels ...[2]string) {
	_, _ = p.w.WriteString(p.name)
	for i, l := range append([][2]string{p.workflow}, labels...) {
		_ = p.w.WriteByte("{,"[min(i, 1)])
		_, _ = p.w.WriteString(l[0] + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(plain.Line(l[1])) + `"`)
	}
	_, _ = p.w.WriteString("} " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
}
