package kernel

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// WriteInputs writes inputs of one Step, as JSON, so that ReadInputs gives the very same. seal stands around every text of
// them, and numbers of which it would change the text are written through it; it must double every \x1a.
func WriteInputs(in []Input, seal func(string) string) []byte { return write(&in, seal) }

// ReadInputs reads what WriteInputs wrote. unseal undoes seal.
func ReadInputs(data []byte, unseal func(string) (string, error)) (in []Input, err error) {
	err = read(data, &in, unseal)
	return in, err
}

// WriteEvents writes events exactly, as WriteInputs does.
func WriteEvents(events []event.Event, seal func(string) string) []byte { return write(&events, seal) }

// ReadEvents reads what WriteEvents wrote.
func ReadEvents(data []byte, unseal func(string) (string, error)) (events []event.Event, err error) {
	err = read(data, &events, unseal)
	return events, err
}

// WriteValues writes values of the language as WriteInputs does.
func WriteValues(values map[string]any, seal func(string) string) []byte { return write(&values, seal) }

// ReadValues reads what WriteValues wrote.
func ReadValues(data []byte, unseal func(string) (string, error)) (values map[string]any, err error) {
	err = read(data, &values, unseal)
	return values, err
}

func write(from any, seal func(string) string) []byte {
	c := codec{seal: seal}
	c.write(reflect.ValueOf(from).Elem())
	return c.out
}

func read(data []byte, to any, unseal func(string) (string, error)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not as it was written: %v", r)
		}
	}()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return err
	}
	c := codec{unseal: unseal}
	c.read(tree, reflect.ValueOf(to).Elem())
	return nil
}
