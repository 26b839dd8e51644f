package cli

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

//go:embed templates/*.yaml
var templateFiles embed.FS

// templates are the files to begin with, and what they show.
func templates() []string {
	return []string{
		"demo: gather, retry, a race and a failure, in a few seconds",
		"ci: checks at the same time, a matrix, all errors at the end",
		"service: a test that needs a service, which ends with it",
		"fanout: the same work for many items, a few at a time, with retries",
		"release: inputs, a secret, what must not be cut in half, cleaning up",
	}
}

const (
	flagTemplate = "template"
	flagSchema   = "schema"
	// schemaFile is where --schema writes the schema, beside the workflow file.
	schemaFile = ".flowrun/schema.json"
)

func initCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "init",
		Category:  groupWrite,
		Usage:     "write a workflow file to begin with",
		UsageText: "flowrun init [flags] [FILE|-]",
		Description: `flowrun init                     flowrun.yaml, from the template demo
flowrun init ci.yaml -t ci       another file from another template
flowrun init - -t release        on standard output`,
		Flags: append([]cli.Flag{
			newChoice(flagTemplate, "t", "NAME", templates()...),
			boolFlag(flagSchema, "", "write also "+schemaFile+", by which an editor knows all keys"),
		}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.init(c) },
	}
}

func (s *session) init(c *cli.Context) error {
	text, err := templateFiles.ReadFile("templates/" + cmp.Or(c.String(flagTemplate), "demo") + ".yaml")
	if err != nil {
		panic("cli: " + err.Error())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	path := defaultFiles()[0]
	switch c.NArg() {
	case 0:
		for _, name := range defaultFiles() { // the one would hide the other
			if _, err := os.Lstat(name); err == nil {
				return exists(name)
			}
		}
	case 1:
		path = c.Args().First()
	default:
		return usage("", "init takes one FILE, not %d: %s", c.NArg(), strings.Join(c.Args().Slice(), " "))
	}
	switch {
	case path == "-" && c.Bool(flagSchema):
		return usage("flowrun schema prints it", "--%s: there is no folder beside standard output to write the schema to", flagSchema)
	case path == "-":
		s.Stdout.Write(text)
		return nil
	case path == "":
		return usage("", "the name of the file is empty")
	}
	if c.Bool(flagSchema) {
		text = append([]byte("# yaml-language-server: $schema="+schemaFile+"\n"), text...)
	}
	if err := create(path, text); err != nil {
		return err
	}
	if c.Bool(flagSchema) {
		if err := writeSchema(filepath.Join(filepath.Dir(path), filepath.FromSlash(schemaFile))); err != nil {
			os.Remove(path) // or the command could not be tried again
			return err
		}
	}
	fmt.Fprintf(s.Stdout, "wrote %s\n\nnext: %s\n", plain.Inert(quote(path)), plain.Inert(next(c, path)))
	return nil
}

// next is the command that runs the file that was written at path.
func next(c *cli.Context, path string) string {
	words := []string{"flowrun", "run"}
	if c.String(flagTemplate) == "release" {
		words = slices.Insert(words, 0, "RELEASE_TOKEN=any-text")
	}
	if dir := c.String(flagDirectory); dir != "" {
		words = append(words, "-C", quote(dir))
	}
	if c.NArg() > 0 {
		if strings.HasPrefix(path, "-") {
			path = "./" + path // no flag
		}
		words = append(words, quote(path))
	}
	return strings.Join(words, " ")
}

// create writes a file that must not be there yet.
func create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return exists(path)
	}
	if err != nil {
		return unwritten(path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path) // half a file is none
		return unwritten(path, err)
	}
	return nil
}

// writeSchema writes the schema at path, also over that of another version: nobody writes one by hand.
func writeSchema(path string) error {
	text := spec.Schema(steps.Builtin())
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	if err != nil {
		return unwritten(path, err)
	}
	return nil
}

func exists(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usage("name a file in it", "%s is a folder", quote(path))
	}
	return usage("nothing is ever overwritten: name another FILE, or - for standard output", "%s is there already", quote(path))
}

func unwritten(path string, err error) error {
	return fmt.Errorf("%s cannot be written: %w", quote(path), reason(err))
}
