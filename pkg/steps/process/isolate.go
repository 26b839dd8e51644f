package process

// IsolationError says why a leader cannot have a namespace of its own.
type IsolationError struct {
	Doing string // what did not succeed
	Err   error
}

func (e *IsolationError) Error() string { return e.Doing + ": " + e.Err.Error() }

// Unwrap is the error of the operating system.
func (e *IsolationError) Unwrap() error { return e.Err }
