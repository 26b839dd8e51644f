package executor

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// minSecret is the length of the shortest secret. Masking a shorter one would mask half of every text.
const minSecret = 4

// CheckSecrets says which secrets of the workflow opt does not have. The error is a diag.List. Run does the same.
func CheckSecrets(p *plan.Plan, opt Options) error {
	_, problems := secrets(p, opt)
	return problems.Err()
}

// secrets finds the values of the secrets that p declares: in opt, in their files, in dotenv files, or in the environment. A secret
// that is set to an empty text is one that there is not (`if: secrets.X != ""`); one that is not set at all
// is a mistake.
func secrets(p *plan.Plan, opt Options) (map[string]string, diag.List) {
	env := opt.Env
	if env == nil {
		env = os.Environ()
	}
	var problems diag.List
	values := make(map[string]string, len(p.Secrets))
	for _, s := range p.Secrets {
		v, err := secret(p, s, opt.Secrets, env)
		switch {
		case err != "":
			d := diag.Diagnostic{Pos: s.Name.Pos, Code: "missing-secret", Text: err}
			if s.File == "" {
				d.Help, d.Why = "set it to nothing if there is none", "a name that is written wrong would run with nothing"
			}
			problems = append(problems, d)
		case v != "" && len(v) < minSecret:
			problems.Add(s.Name.Pos, "short-secret", "secret %q is shorter than %d characters and cannot be masked", s.Name.Text, minSecret)
		default:
			values[s.Name.Text] = v
		}
	}
	return values, problems
}

func secret(p *plan.Plan, s *ast.Secret, given map[string]string, env []string) (value, problem string) {
	if v, ok := given[s.Name.Text]; ok {
		return v, ""
	}
	if s.File != "" {
		v, err := SecretFile(p.Main.Dir, s.File)
		if err != nil {
			return "", "secret \"" + s.Name.Text + "\" cannot be read: " + err.Error()
		}
		return v, ""
	}
	if v, ok := p.Given[s.Name.Text]; ok {
		return v, ""
	}
	if v, ok := Variable(env, s.Name.Text); ok {
		return v, ""
	}
	return "", "secret \"" + s.Name.Text + "\" is not set: it is an environment variable that flowrun must be given"
}

// SecretFile is the secret in a file: all of it but the end of its line. A path that is not absolute is below dir.
func SecretFile(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	b, err := os.ReadFile(path)
	return strings.TrimRight(string(b), "\r\n"), err
}
