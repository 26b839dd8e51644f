package event

// ExtraArtifacts is the key of Outcome.Extra under which a step has the files that it has kept: a list of Artifact.Value.
const ExtraArtifacts = "artifacts"

// Artifact is a file that a step has kept, for later steps and for who looks at the run.
type Artifact struct {
	Path       string // below the step's folder, with slashes
	Size       int64
	SHA256     string // of what is in it, in hexadecimal digits
	Executable bool
}

// Value is what expressions see of a.
func (a Artifact) Value() map[string]any {
	return map[string]any{"path": a.Path, "size": int(a.Size), "sha256": a.SHA256, "executable": a.Executable}
}

// Artifacts are the files that the step has kept which ended so.
func (o Outcome) Artifacts() []Artifact {
	list, _ := o.Extra[ExtraArtifacts].([]any)
	var kept []Artifact
	for _, x := range list {
		m, _ := x.(map[string]any)
		var a Artifact
		a.Path, _ = m["path"].(string)
		a.SHA256, _ = m["sha256"].(string)
		a.Executable, _ = m["executable"].(bool)
		size, _ := m["size"].(int)
		a.Size = int64(size)
		kept = append(kept, a)
	}
	return kept
}

// WriteArtifacts puts down the key artifacts, if there are any.
func (o *Object) WriteArtifacts(list []Artifact) {
	if len(list) == 0 {
		return
	}
	values := make([]any, len(list))
	for i, a := range list {
		values[i] = a.Value()
	}
	o.Value(ExtraArtifacts, values)
}
