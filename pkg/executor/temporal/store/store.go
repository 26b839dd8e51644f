// Package store keeps files of runs where all workers of a task queue reach them: in a folder that they share, or in a bucket.
//
//	file:///srv/flowrun                      a folder, which is there
//	s3://bucket?region=eu-central-1          Amazon S3; credentials as the AWS command has them
//	s3://bucket?endpoint=https://minio:9000&use_path_style=true&region=any
//	mem://                                   this process, for tests
//
// What a run keeps has names below RUN/. Nothing is ever removed: a bucket has rules for that.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Store is a place for the files of runs.
type Store struct{ bucket *blob.Bucket }

// Open opens the store of that URL, and looks whether it is there. The error is a sentence for users.
func Open(ctx context.Context, address string) (*Store, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("the store %q is no URL: write one as file:///shared/folder or s3://bucket?region=eu-central-1", address)
	}
	bucket, err := open(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("the store %s cannot be opened: %w", u.Redacted(), reason(err))
	}
	switch there, err := bucket.IsAccessible(ctx); {
	case err != nil:
		_ = bucket.Close()
		return nil, fmt.Errorf("the store %s cannot be reached: %w", u.Redacted(), reason(err))
	case !there:
		_ = bucket.Close()
		return nil, fmt.Errorf("the store %s is not there, or not for you", u.Redacted())
	}
	return &Store{bucket}, nil
}

func open(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	switch u.Scheme {
	case fileblob.Scheme:
		if u.Host != "" && u.Host != "localhost" {
			return nil, fmt.Errorf("a path has three slashes in front of it: file:///%s%s", u.Host, u.Path)
		}
		// Files are made beside their place: a folder that is shared is rarely on the disk of temporary files. One that is not
		// there is not made: it would be that of a disk that is not mounted.
		opener := fileblob.URLOpener{Options: fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite}}
		bucket, err := opener.OpenBucketURL(ctx, u)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("there is no such folder")
		}
		return bucket, err
	case s3blob.Scheme:
		// Not all servers know the checksums that are Amazon's default, and what is kept has one of its own.
		q := u.Query()
		for _, param := range []string{"request_checksum_calculation", "response_checksum_validation"} {
			if !q.Has(param) {
				q.Set(param, "when_required")
			}
		}
		with := *u
		with.RawQuery, u = q.Encode(), &with
		return new(s3blob.URLOpener).OpenBucketURL(ctx, u)
	case memblob.Scheme:
		return new(memblob.URLOpener).OpenBucketURL(ctx, u)
	default:
		return nil, fmt.Errorf("there are file and s3, and not %s", u.Scheme)
	}
}

// Close ends the use of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Run is the store of one run.
func (s *Store) Run(id string) kind.Store {
	if id == "" || strings.Contains(id, "/") {
		panic("store: " + id + " is no id of a run")
	}
	return run{s.bucket, id + "/"}
}

type run struct {
	bucket *blob.Bucket
	before string // its names
}

// Put implements kind.Store.
func (r run) Put(ctx context.Context, name string, from io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := r.bucket.NewWriter(ctx, r.before+name, &blob.WriterOptions{
		ContentType: "application/octet-stream",
		BufferSize:  8 << 20, MaxConcurrency: 2, // parts in memory, of each file that is on its way; S3 takes 10,000 parts
	})
	if err != nil {
		return reason(err)
	}
	if _, err := io.Copy(w, from); err != nil {
		cancel() // nothing is kept by Close then
		_ = w.Close()
		return reason(err)
	}
	return reason(w.Close())
}

// Get implements kind.Store.
func (r run) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := r.bucket.NewReader(ctx, r.before+name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, &fs.PathError{Op: "get", Path: r.before + name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, reason(err)
	}
	return in, nil
}

// reason is err in the words of who knows, in one line.
func reason(err error) error {
	if err == nil {
		return nil
	}
	return &problem{err}
}

type problem struct{ err error }

// Error is the text of the error without the library's words around it.
func (p *problem) Error() string {
	text := strings.ReplaceAll(p.err.Error(), "\n", " ")
	if i := strings.Index(text, "(code="); i >= 0 {
		if _, after, ok := strings.Cut(text[i:], "): "); ok {
			return after
		}
	}
	return text
}

// Unwrap gives the library's error.
func (p *problem) Unwrap() error { return p.err }
