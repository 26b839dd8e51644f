// Otlpdecode reads OTLP/JSON, a request on each line, with the decoder of OpenTelemetry's collector, and prints how many spans
// there are. The tests of pkg/report/files run it where it is in PATH.
package main

import (
	"bufio"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	spans := 0
	for lines.Scan() {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(lines.Bytes())
		if err != nil {
			fail(err)
		}
		spans += traces.SpanCount()
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
	fmt.Println(spans)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
