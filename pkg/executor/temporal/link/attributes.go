package link

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
)

// Marks are what Temporal's own pages show of a run, and what its lists can be searched for: search attributes of the
// workflow. They are never encrypted.
type Marks struct {
	Workflow string // its name
	Status   string // running, or the status that it ended with
	Steps    int    // that have ended
	Failed   int    // of these
}

// The names of the attributes. A namespace has few places for numbers (three, on a database of its own), so there are no
// more of them than lists are sorted by.
const (
	workflowAttribute = "FlowrunWorkflow"
	statusAttribute   = "FlowrunStatus"
	stepsAttribute    = "FlowrunSteps"
	failedAttribute   = "FlowrunFailed"
)

// attribute is one that a namespace has, or should have.
type attribute struct {
	name string
	kind enums.IndexedValueType
}

func attributes() []attribute {
	return []attribute{
		{workflowAttribute, enums.INDEXED_VALUE_TYPE_KEYWORD},
		{statusAttribute, enums.INDEXED_VALUE_TYPE_KEYWORD},
		{stepsAttribute, enums.INDEXED_VALUE_TYPE_INT},
		{failedAttribute, enums.INDEXED_VALUE_TYPE_INT},
	}
}

// Updates are the attributes of a workflow that is to have these marks.
func (m Marks) Updates() []temporal.SearchAttributeUpdate {
	return []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(workflowAttribute).ValueSet(keyword(m.Workflow)),
		temporal.NewSearchAttributeKeyKeyword(statusAttribute).ValueSet(m.Status),
		temporal.NewSearchAttributeKeyInt64(stepsAttribute).ValueSet(int64(m.Steps)),
		temporal.NewSearchAttributeKeyInt64(failedAttribute).ValueSet(int64(m.Failed)),
	}
}

// keyword is as much of a text as every database takes.
func keyword(text string) string {
	const most = 255
	if len(text) <= most {
		return text
	}
	end := most
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Searchable sees that the attributes are there for workflows of a namespace, and makes those that are missing, where
// that is allowed. With an error a workflow that sets them would be refused. Without one, too, for up to a minute behind the
// call that made them: servers look for new ones now and then.
func Searchable(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	operator := c.OperatorService()
	there, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		text, _ := said(err)
		return fmt.Errorf("the search attributes of the namespace %q are not to be seen: %s", namespace, text)
	}
	missing := map[string]enums.IndexedValueType{}
	var create strings.Builder
	for _, a := range attributes() {
		kind, ok := there.GetCustomAttributes()[a.name]
		if ok && kind != a.kind {
			return fmt.Errorf("the search attribute %s of the namespace %q is of the type %s (flowrun needs %s)", a.name, namespace, kind, a.kind)
		}
		if !ok {
			missing[a.name] = a.kind
			fmt.Fprintf(&create, " --name %s --type %s", a.name, a.kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err == nil {
		return nil
	}
	text, code := said(err)
	if code == codes.AlreadyExists { // another process was quicker
		return nil
	}
	return fmt.Errorf("search attributes of the namespace %q cannot be made: %s (who may does it with: temporal operator search-attribute create -n %[1]s%[3]s)", namespace, text, create.String())
}
