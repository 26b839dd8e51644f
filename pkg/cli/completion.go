package cli

import (
	"embed"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// scripts are what each shell runs when somebody presses TAB; they ask flowrun itself (complete.go).
//
//go:embed completion
var scripts embed.FS

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func completionCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Category:  groupShell,
		Usage:     "print a script with which a shell completes command lines",
		UsageText: "flowrun completion " + strings.Join(shells(), "|"),
		Description: `eval "$(flowrun completion bash)"                     in ~/.bashrc
eval "$(flowrun completion zsh)"                      in ~/.zshrc
flowrun completion fish | source                      in config.fish
flowrun completion powershell | Out-String | iex      in $PROFILE`,
		Flags:  commonFlags(),
		Action: func(c *cli.Context) error { return s.completion(c) },
	}
}

func (s *session) completion(c *cli.Context) error {
	if err := s.enter(c); err != nil {
		return err
	}
	hint := "shells are " + strings.Join(shells(), ", ")
	if c.NArg() != 1 {
		return usage(hint, "completion takes the name of one shell")
	}
	script, err := scripts.ReadFile("completion/" + c.Args().First())
	if err != nil {
		if near := diag.Nearest(c.Args().First(), shells()); near != "" {
			hint = "did you mean " + near + "?"
		}
		return usage(hint, "there is no completion for %s", quote(c.Args().First()))
	}
	_, err = s.Stdout.Write(script)
	return err
}
