package machine

import "errors"

func pipe(string, string) error { return errors.New("there are no pipes in folders here") }
