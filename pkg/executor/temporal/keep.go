package temporal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/flowrun/flowrun/pkg/executor/temp"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// logIn is where an attempt keeps its output until it has ended; "": nowhere.
func logIn(folder *temp.Folder) string {
	dir, err := folder.Path()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "output")
}

// How long a log has to get into the store: what has ended, or somebody has stopped, is not to wait for ever for it.
const (
	longEnough  = 2 * time.Minute
	whenStopped = 10 * time.Second
)

// keepLog puts all that an attempt has written into the store, and says under which name; "": it is not there, which changes nothing
// of how the attempt ended. The name has the path of the step, for people, and what no other attempt has.
func keepLog(ctx context.Context, call kind.Call, patience time.Duration) string {
	info := activity.GetInfo(ctx)
	const most = 200 // of 255 that a folder's name can have
	step := call.Step[:min(len(call.Step), most)]
	name := path.Join("logs", step, info.WorkflowExecution.RunID+"-"+info.ActivityID)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, stream := range []string{".stdout", ".stderr"} {
		err := keepFile(bounded, call.Store, name+stream, call.Output.Log+stream)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			activity.GetLogger(ctx).Warn("What "+call.Step+" has printed is not in the store.", "Error", err)
			return ""
		}
	}
	return name
}

func keepFile(ctx context.Context, store kind.Store, name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return store.Put(ctx, name, f)
}
