package files_test

import (
	"bytes"
	"testing"

	"github.com/flowrun/flowrun/pkg/report/model"
)

// checkHTML says that a page is whole, and has no scripts but its own. What is in it, package page tests, and docs in a browser.
func checkHTML(t *testing.T, _ *model.Run, b []byte) {
	t.Helper()
	if !bytes.HasPrefix(b, []byte("<!doctype html>\n")) || !bytes.HasSuffix(b, []byte("</html>\n")) || bytes.Count(b, []byte("<script")) != 2 {
		t.Errorf("no page: %.300q ... %q", b, b[max(0, len(b)-300):])
	}
}
