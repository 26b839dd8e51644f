//go:build e2e && linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// BenchmarkGather is a gather of steps that do nothing, on two workers beside the server, which keeps what it has in its memory:
//
//	.ci/e2e -run '^$' -bench .
//
// Beside it is a floor of the same run: a workflow of the SDK alone, with as many activities that start the same program, as many of
// them at once. The goals are 5 s for 1,000 and 60 s for 10,000 on 2 cores.
func BenchmarkGather(b *testing.B) {
	for _, count := range []int{1000, 10000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			s := openWith(b, true)
			s.write("gather.yaml", fmt.Sprintf("flowrun: 1\nsteps:\n  - gather: {for: x, in: range(%d), do: {run: ['true']}}\n", count))
			s.write("warm.yaml", "flowrun: 1\nsteps:\n  - gather: {for: x, in: range(50), do: {run: ['true']}}\n")
			var workers, floors []*process
			for range 2 {
				workers = append(workers, s.worker(nil))
				floors = append(floors, s.launch(s.floor()))
			}
			c, err := s.dial(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			s.succeeds("warm.yaml")
			s.execute(c, 50)
			ours := spent{server: s.server, workers: workers}
			floor := spent{server: s.server, workers: floors}
			b.ResetTimer()
			for range b.N {
				ours.add(func() { s.succeeds("gather.yaml") })
				floor.add(func() { s.execute(c, count) })
			}
			b.ReportMetric(0, "ns/op")
			ours.report(b, "", count)
			floor.report(b, "-floor", count)
			b.ReportMetric(float64(ours.wall)/float64(floor.wall), "x-floor")
		})
	}
}

// spent is what work takes: time, and time of processors, which says more where a machine has other things to do.
type spent struct {
	server  *process
	workers []*process

	wall, ofServer, ofWorkers time.Duration
}

func (x *spent) add(work func()) {
	server, workers, begin := busyFor(x.server), busyFor(x.workers...), time.Now()
	work()
	x.wall += time.Since(begin)
	x.ofServer += busyFor(x.server) - server
	x.ofWorkers += busyFor(x.workers...) - workers
}

func (x *spent) report(b *testing.B, what string, count int) {
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N*count) }
	b.ReportMetric(x.wall.Seconds()/float64(b.N), "s"+what)
	b.ReportMetric(each(x.ofServer), "server-ms"+what)
	b.ReportMetric(each(x.ofWorkers), "worker-ms"+what)
}

// busyFor is the time of processors that processes have taken so far, with those directly below them and what these have waited for.
func busyFor(list ...*process) (sum time.Duration) {
	for _, p := range list {
		for _, pid := range append(children(p.pid), p.pid) {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
			if len(fields) < 15 {
				continue
			}
			for _, ticks := range fields[11:15] { // user, system, both of children
				n, _ := strconv.Atoi(ticks)
				sum += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	return sum
}

const (
	// asFloor makes this test binary a worker of the floor.
	asFloor    = "FLOWRUN_E2E_FLOOR"
	floorQueue = "floor"
	// floorWindow is how many activities of the floor are pending at once.
	floorWindow = 500
)

// floor is a worker of the floor.
func (s *site) floor() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asFloor+"="+s.address())
	return cmd
}

// workFloor is what that worker does.
func workFloor(address string) error {
	c, err := client.Dial(client.Options{HostPort: address, Logger: silent{}})
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, floorQueue, worker.Options{DisableEagerActivities: true, MaxConcurrentActivityExecutionSize: 2})
	w.RegisterWorkflowWithOptions(floorWorkflow, workflow.RegisterOptions{Name: "floor"})
	w.RegisterActivityWithOptions(floorActivity, activity.RegisterOptions{Name: "true"})
	return w.Run(worker.InterruptCh())
}

func (s *site) execute(c client.Client, count int) {
	s.t.Helper()
	ctx, done := context.WithTimeout(s.t.Context(), patience)
	defer done()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: floorQueue}, "floor", count)
	if err != nil {
		s.t.Fatal(err)
	}
	var sum int
	if err := run.Get(ctx, &sum); err != nil || sum != count*(count-1)/2 {
		s.t.Fatalf("the floor: %d, %v", sum, err)
	}
}

// floorWorkflow is a gather by the SDK.
func floorWorkflow(ctx workflow.Context, count int) (sum int, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: 10 * time.Second})
	results := workflow.NewSelector(ctx)
	begin := func(n int) {
		results.AddFuture(workflow.ExecuteActivity(ctx, "true", n), func(f workflow.Future) {
			var value int
			err = errors.Join(err, f.Get(ctx, &value))
			sum += value
		})
	}
	for n := range count {
		if n >= floorWindow {
			results.Select(ctx)
		}
		begin(n)
	}
	for range min(count, floorWindow) {
		results.Select(ctx)
	}
	return sum, err
}

func floorActivity(ctx context.Context, n int) (int, error) {
	return n, exec.CommandContext(ctx, "true").Run()
}
