package spec

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// This file recognises whole files of other tools: one sentence about such a file says more than fifty about its keys.

// tool is one kind of file, told by the keys at its top.
type tool struct {
	what string // a noun for messages
	has  string // the keys that it has, all of these
	// where is another key, that one of the mappings at the top or of the steps has; "": that does not matter.
	where string
	help  string // the same things in flowrun
}

// tools are in the order in which they are looked for: one with more keys comes before another that has some of these.
var tools = []tool{
	{what: "a manifest of Argo Workflows", has: "apiVersion kind spec", where: "templates entrypoint workflowTemplateRef workflowSpec", help: "a template is an entry of workflows, a dag is a gather whose items have needs, a list of lists is steps of gathers, withItems is for and in"},
	{what: "a manifest of Kubernetes", has: "apiVersion kind", help: "a step that applies it is run: kubectl apply -f FILE"},
	{what: "a configuration of CircleCI", has: "version jobs", help: "a job is an item of gather with needs in the place of requires, its steps stay steps, and docker is a command of the step"},
	{what: "a workflow of GitHub Actions", has: "on jobs", help: "a job is an item of gather and keeps its needs, its steps stay steps with run; what uses installs is a run too: gather: [{id: build, steps: [{run: make}]}]"},
	{what: "a pipeline of Azure", has: "jobs", where: "pool vmImage job deployment", help: "a job is an item of gather with needs in the place of dependsOn, a script is run"},
	{what: "a workflow of GitHub Actions", has: "jobs", help: "a job is an item of gather and keeps its needs, its steps stay steps with run; what uses installs is a run too: gather: [{id: build, steps: [{run: make}]}]"},
	{what: "a Taskfile", has: "tasks", help: "a task is an entry of workflows, its cmds are steps with run, its deps a gather before them, and call: NAME runs it: steps: [{call: build}]"},
	{what: "a pipeline of GitLab CI", has: "stages", help: "stages are the items of steps, the jobs of one are a gather, and a script is run: steps: [{gather: [{id: unit, run: make test}]}]"},
	{what: "a compose file", has: "services", help: "a service is a step with background: true, run: [docker, run, ...] and ready: {tcp: \"HOST:PORT\"}, before the steps that need it"},
	{what: "a pipeline of Bitbucket", has: "pipelines", help: "a step is run, parallel is gather"},
	{what: "a pipeline of GitLab CI", where: "script", help: "a job is an item of gather with needs, a script is run: gather: [{id: unit, run: make test}]"},
	{what: "a pipeline of Azure", has: "pool steps", help: "script is run, displayName is name, condition is if"},
	{what: "a DAG of dagu", has: "steps", where: "command depends preconditions retryPolicy continueOn", help: "command is run, depends is needs among the items of a gather, retryPolicy is retry, handlerOn is except, else and finally"},
}

// elsewhere says that the file n is one of another tool, which is reported then. A file that says it is flowrun's is not.
func (r *reader) elsewhere(n *yaml.Node) bool {
	if field(n, "flowrun") != nil {
		return false
	}
	for _, t := range tools {
		at, ok := t.sign(n)
		if !ok {
			continue
		}
		r.foreign(at, t)
		return true
	}
	return false
}

const fileShape = "a file begins with flowrun: 1 and has one of steps, gather, wait, taskgroup at its top"

// foreign reports that the file is one of the tool t.
func (r *reader) foreign(at *yaml.Node, t tool) {
	r.problem(at, "foreign-file", "this is %s, and no file of flowrun", t.what)
	r.help(t.help)
	r.why(fileShape)
}

// playbook says that the list n is one of Ansible's, which is reported then.
func (r *reader) playbook(n *yaml.Node) bool {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return false
	}
	first := deref(n.Content[0])
	if first.Kind != yaml.MappingNode || keyOf(first, "hosts") == nil {
		return false
	}
	r.foreign(keyOf(first, "hosts"), tool{what: "a playbook of Ansible", help: "a task is a step with run; when is if, with_items is for and in, ignore_errors an except"})
	return true
}

var rule = regexp.MustCompile(`(?m)^[A-Za-z0-9_.%/ -]+:([^=\n][^\n]*)?\n\t+\S`)

// makefile says that the text, which is no YAML, is one of make's, which is reported then.
func (r *reader) makefile() bool {
	at := rule.FindStringIndex(r.text.src)
	if at == nil || strings.Contains(r.text.src, "flowrun:") || strings.Contains(r.text.src, "steps:") {
		return false
	}
	r.problems.Add(r.text.at(at[0]), "foreign-file", "this is a Makefile, and no file of flowrun")
	r.help("a target is an entry of workflows or a step with run, and what it needs a gather before it; run: make TARGET calls make")
	r.why(fileShape)
	return true
}

// sign is the key by which the file n is known as one of the tool's.
func (t *tool) sign(n *yaml.Node) (at *yaml.Node, ok bool) {
	for key := range strings.FieldsSeq(t.has) {
		k := keyOf(n, key)
		if k == nil {
			return nil, false
		}
		at = k
	}
	if t.where == "" {
		return at, true
	}
	if t.has == "" && slices.ContainsFunc(blocks, func(key string) bool { return keyOf(n, key) != nil }) {
		return nil, false // it has a body of ours
	}
	wanted := strings.Fields(t.where)
	for i := 0; i < len(n.Content); i += 2 {
		k, v := deref(n.Content[i]), deref(n.Content[i+1])
		items := []*yaml.Node{v}
		if t.has != "" {
			if at != k && k.Value != "spec" && k.Value != "steps" && k.Value != "jobs" {
				continue
			}
			items = append(items, v.Content...)
		}
		for _, item := range items {
			item = deref(item)
			if item.Kind != yaml.MappingNode {
				continue
			}
			if slices.ContainsFunc(wanted, func(key string) bool { return keyOf(item, key) != nil }) {
				if at == nil {
					at = k
				}
				return at, true
			}
		}
	}
	return nil, false
}
