package link_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
)

func TestSearchable(t *testing.T) {
	const text, number = enums.INDEXED_VALUE_TYPE_KEYWORD, enums.INDEXED_VALUE_TYPE_INT
	type attributes = map[string]enums.IndexedValueType
	all := attributes{"FlowrunWorkflow": text, "FlowrunStatus": text, "FlowrunSteps": number, "FlowrunFailed": number}
	for _, tc := range []struct {
		name   string
		there  attributes
		refuse error
		want   string
	}{
		{"all there", all, status.Error(codes.PermissionDenied, "no"), ""},
		{"none there", attributes{"Customer": text}, nil, ""},
		{"another is quicker", attributes{"FlowrunSteps": number}, status.Error(codes.AlreadyExists, "it is there"), ""},
		{
			"not allowed",
			attributes{"FlowrunWorkflow": text, "FlowrunSteps": number},
			status.Error(codes.PermissionDenied, "Request unauthorized."),
			`search attributes of the namespace "default" cannot be made: Request unauthorized (who may does it with: temporal operator search-attribute create -n default --name FlowrunStatus --type Keyword --name FlowrunFailed --type Int)`,
		},
		{
			"another type",
			attributes{"FlowrunSteps": text, "FlowrunFailed": text},
			nil,
			`the search attribute FlowrunSteps of the namespace "default" is of the type Keyword (flowrun needs Int)`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := &operator{attributes: maps.Clone(tc.there), refuse: tc.refuse}
			opt, err := link.Options(cli.Link{Env: []string{"TEMPORAL_ADDRESS=" + serve(t, nil, server{}, o)}})
			if err != nil {
				t.Fatal(err)
			}
			c, err := link.Dial(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = link.Searchable(t.Context(), c, opt.Namespace)
			if tc.want != "" || err != nil {
				if fmt.Sprint(err) != tc.want {
					t.Errorf("got  %v\nwant %s", err, tc.want)
				}
				return
			}
			for name, kind := range all {
				if o.attributes[name] != kind && tc.refuse == nil {
					t.Errorf("%s is %s", name, o.attributes[name])
				}
			}
		})
	}
}

func TestMarks(t *testing.T) {
	got := temporal.NewSearchAttributes(link.Marks{Workflow: strings.Repeat("ü", 200), Status: "failed", Steps: 12, Failed: 1}.Updates()...)
	name, _ := got.GetKeyword(temporal.NewSearchAttributeKeyKeyword("FlowrunWorkflow"))
	if len(name) != 254 || !utf8.ValidString(name) {
		t.Errorf("a name of %d bytes: %q", len(name), name)
	}
	status, _ := got.GetKeyword(temporal.NewSearchAttributeKeyKeyword("FlowrunStatus"))
	steps, _ := got.GetInt64(temporal.NewSearchAttributeKeyInt64("FlowrunSteps"))
	failed, _ := got.GetInt64(temporal.NewSearchAttributeKeyInt64("FlowrunFailed"))
	if status != "failed" || steps != 12 || failed != 1 || got.Size() != 4 {
		t.Errorf("%s, %d steps, %d failed, %d attributes", status, steps, failed, got.Size())
	}
}
