//go:build !linux

package process

import "errors"

var errNoIsolation = &IsolationError{Doing: "a namespace of process numbers is a thing of Linux", Err: errors.ErrUnsupported}
