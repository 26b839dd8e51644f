//go:build e2e && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// chaos are workflows that come to the same however often a worker is lost, and whoever is faster.
var chaos = []string{
	`
flowrun: 1
steps:
  - id: all
    gather:
      for: x
      in: range(6)
      do: {run: 'sleep 0.${{ x }}; echo ${{ x * x }}'}
`, `
flowrun: 1
semaphores: {gpu: 1}
steps:
  - taskgroup:
      - {id: a, run: 'sleep 0.3; echo a', semaphore: gpu}
      - {id: b, run: 'sleep 0.2; echo b', semaphore: gpu}
      - {id: c, steps: [{run: 'sleep 0.2'}, {run: 'echo c'}]}
    finally:
      - run: 'echo bye'
`, `
flowrun: 1
steps:
  - id: tried
    run: '[ "$FLOWRUN_ATTEMPT" -ge 2 ] && echo "at last"'
    retry: {attempts: 20, delay: 100ms}
  - id: handled
    run: 'sleep 0.3; exit 3'
    except: [{match: ExitError, value: "exit ${{ error.exit_code }}"}]
  - value: [1.5, null, "${{ steps.tried.value }}", "${{ steps.handled.value }}"]
`, `
flowrun: 1
steps:
  - id: g
    gather:
      - {run: 'setsid sleep 0.8 & sleep 0.5; echo one'}
      - {run: 'sleep 0.4; exit 7'}
      - {sleep: 600ms}
      - {id: late, needs: [first], run: 'echo late'}
      - {id: first, run: 'sleep 0.2; echo first'}
    return_exceptions: true
`, `
flowrun: 1
steps:
  - {id: side, background: true, run: 'sleep 0.7; echo side'}
  - {id: main, run: 'sleep 0.3; echo "main ${{ env.HOME != "" }}"'}
  - {await: side}
  - {value: "${{ steps.side.value }} and ${{ steps.main.value }}"}
`, `
flowrun: 1
steps:
  - id: w
    wait:
      - {id: quick, run: 'sleep 0.2; echo quick'}
      - {id: never, run: 'exec sleep 1000'}
    return_when: first_success
  - {value: "${{ len(steps.w.value.done) }}"}
`,
}

// TestChaos: workers are killed at random instants and started again, and once the server. Every run ends, with the result that it
// has when nothing happens to it, and no process of a step is left.
func TestChaos(t *testing.T) {
	count, atOnce := 12, 4
	if long() {
		count = 200
	}
	s := open(t)
	want := make([]string, len(chaos))
	for i, text := range chaos {
		s.write(fmt.Sprintf("chaos%d.yaml", i), text)
		want[i] = outcome(s.decode(s.types("run", "--engine", "local", fmt.Sprintf("chaos%d.yaml", i), "--format", "json")))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	workers := []*process{s.worker(nil), s.worker(nil)}

	results := make(chan string, count)
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n := range count {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			i := n % len(chaos)
			c := s.begins(fmt.Sprintf("chaos%d.yaml", i)).ends()
			away := func() bool {
				return strings.Contains(c.errs, "TEMPORAL_ADDRESS") || strings.Contains(c.errs, " hangs up: ")
			}
			for c.code == 2 && away() { // it is being started again
				c = s.begins(fmt.Sprintf("chaos%d.yaml", i)).ends()
			}
			var d document
			if err := json.Unmarshal([]byte(c.out), &d); err != nil {
				results <- fmt.Sprintf("run %d: no result document: %v\n%s", n, err, c)
				return
			}
			if got := outcome(d); got != want[i] {
				results <- fmt.Sprintf("run %d comes to\n%s\nnot to\n%s\n%s", n, got, want[i], c.errs)
				return
			}
			results <- ""
		})
	}
	ended, wrong, kills, restarted := 0, 0, 0, false
	soon := func() <-chan time.Time { return time.After(time.Duration(200+rng.IntN(1800)) * time.Millisecond) }
	next := soon()
	for ended < count {
		select {
		case problem := <-results:
			ended++
			if problem != "" {
				wrong++
				t.Error(problem)
			}
		case <-next:
			next = soon()
			if !restarted && ended >= count/2 {
				restarted = true
				s.server.kill(both)
				s.serve()
				continue
			}
			i := rng.IntN(len(workers))
			workers[i].kill(victim(rng.IntN(3)))
			kills++
			workers[i] = s.worker(nil)
		}
	}
	all.Wait()
	t.Logf("%d runs, %d wrong; a worker was killed %d times, the server: %v", count, wrong, kills, restarted)
	s.until(patience, "end of all processes", func() bool { return len(s.survivors()) == 0 })
}

// outcome is what of a run must not hang on what happened to workers: no times, no attempts, not how far the losers of a race came.
func outcome(d document) string {
	d.Run = ""
	d.Root.each(func(x *step) { x.Attempts = 0 })
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}
