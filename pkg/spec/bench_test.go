package spec_test

import (
	"bytes"
	"fmt"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// tenThousand is a file of 10,000 steps of some variety, 1.3 MB.
func tenThousand() []byte {
	var b bytes.Buffer
	b.WriteString("flowrun: 1\ninputs: {n: {type: integer, default: 3}}\nsemaphores: {db: 2}\nsteps:\n")
	for i := 0; i < 2000; i++ {
		fmt.Fprintf(&b, "  - id: build%d\n    name: Build part %d\n    run: [\"go\", \"build\", \"-o\", \"bin/part%d\", \"./cmd/part%d\"]\n    timeout: %ds\n", i, i, i, i, 10+i%50)
		fmt.Fprintf(&b, "  - id: test%d\n    run: go test -count=1 ./pkg/part%d/... | tee test%d.log\n    env: {PART: part%d, CI: \"1\"}\n    retry: {attempts: 3, delay: 1s, factor: 2}\n", i, i, i, i)
		fmt.Fprintf(&b, "  - id: all%d\n    gather:\n      - id: a%d\n        value: {name: part%d, size: %d}\n      - sleep: %dms\n        semaphore: db\n    limit: 2\n", i, i, i, i, 100+i%900)
		fmt.Fprintf(&b, "    except:\n      - match: ValueError\n        echo: \"part %d failed: ${{ error.message }}\"\n", i)
	}
	return b.Bytes()
}

func BenchmarkYAMLNode10k(b *testing.B) {
	src := tenThousand()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		var n yaml.Node
		if err := yaml.Unmarshal(src, &n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse10k(b *testing.B) {
	src := tenThousand()
	opt := spec.Options{Kinds: steps.Builtin()}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := spec.Parse("big.yaml", src, opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHello(b *testing.B) {
	src := []byte("flowrun: 1\nsteps:\n  - run: echo hello\n")
	opt := spec.Options{Kinds: steps.Builtin()}
	for b.Loop() {
		if _, err := spec.Parse("hello.yaml", src, opt); err != nil {
			b.Fatal(err)
		}
	}
}
