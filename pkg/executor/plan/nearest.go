package plan

import (
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// maxGuesses bounds the searches for a similar name in one compilation: a file with many thousand wrong names
// among as many right ones would take minutes otherwise.
const maxGuesses = 50

// guess is the help for an unknown name: the one that is meant, it seems, or some of those there are.
func (c *compiler) guess(name string, known []string) string {
	if !c.mayGuess() {
		return ""
	}
	return diag.Suggest(name, known)
}

func (c *compiler) mayGuess() bool {
	c.guesses++
	return c.guesses <= maxGuesses
}
