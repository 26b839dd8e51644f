package files

import (
	"io"

	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/page"
)

func html(w io.Writer, r *model.Run) error { return page.Write(w, r, nil) }
