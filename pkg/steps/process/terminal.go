package process

import "errors"

// ErrNoTerminal says that this program has no terminal that it could give to a step.
var ErrNoTerminal = errors.New("there is no terminal")
