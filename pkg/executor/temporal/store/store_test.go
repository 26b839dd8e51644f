package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/artifact"
	"github.com/flowrun/flowrun/pkg/executor/temporal/store"
)

// bucket is as much of an S3 server as one bucket with whole objects takes.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	broken  bool // it takes nothing
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name, ok := strings.CutPrefix(r.URL.Path, "/runs")
	name = strings.TrimPrefix(name, "/")
	refuse := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>so it is</Message></Error>`, code)
	}
	object, there := b.objects[name]
	switch {
	case !ok:
		refuse(http.StatusNotFound, "NoSuchBucket")
	case r.Method == http.MethodHead && name == "":
	case r.Method == http.MethodGet && name == "":
		fmt.Fprint(w, `<?xml version="1.0"?><ListBucketResult><Name>runs</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>`)
	case r.Method == http.MethodPut && b.broken:
		refuse(http.StatusForbidden, "AccessDenied")
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			refuse(http.StatusBadRequest, "IncompleteBody")
			return
		}
		b.objects[name] = body
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && there:
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(object))
	default:
		refuse(http.StatusNotFound, "NoSuchKey")
	}
}

// addresses are those of stores of each sort.
func addresses(t *testing.T) map[string]string {
	t.Helper()
	s3 := httptest.NewServer(&bucket{objects: map[string][]byte{}})
	t.Cleanup(s3.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	return map[string]string{
		"file": "file://" + filepath.ToSlash(t.TempDir()),
		"mem":  "mem://",
		"s3":   "s3://runs?region=any&use_path_style=true&endpoint=" + s3.URL,
	}
}

func open(t *testing.T, address string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	for sort, address := range addresses(t) { // tests of their own: the order does not matter
		t.Run(sort, func(t *testing.T) {
			s := open(t, address)
			a, b := s.Run("01A"), s.Run("01B")
			put := func(name, text string) {
				t.Helper()
				if err := a.Put(t.Context(), name, strings.NewReader(text)); err != nil {
					t.Fatal(err)
				}
			}
			put("artifacts/x", "one")
			put("artifacts/x", "two")
			put("empty", "")
			large := strings.Repeat("0123456789abcdef", 1<<16)
			put("large", large)
			for name, want := range map[string]string{"artifacts/x": "two", "empty": "", "large": large} {
				in, err := a.Get(t.Context(), name)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(in)
				if string(got) != want || err != nil || in.Close() != nil {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
			}
			for _, name := range []string{"none", "artifacts"} {
				if _, err := a.Get(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := b.Get(t.Context(), "artifacts/x"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("another run has it: %v", err)
			}
			// What does not come to its end is not kept.
			cut := io.MultiReader(strings.NewReader("three"), failing{})
			if err := a.Put(t.Context(), "artifacts/x", cut); err == nil || err.Error() != "cut" {
				t.Error(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := a.Put(ctx, "artifacts/x", strings.NewReader("four")); err == nil {
				t.Error("it was put by nobody")
			}
			in, err := a.Get(t.Context(), "artifacts/x")
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(in); string(got) != "two" {
				t.Errorf("it is %q", got)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cut") }

// TestArtifacts: what one step keeps another one fetches, whatever the store.
func TestArtifacts(t *testing.T) {
	for sort, address := range addresses(t) {
		t.Run(sort, func(t *testing.T) {
			s := open(t, address).Run("01A")
			from, to := t.TempDir(), t.TempDir()
			if err := errors.Join(os.Mkdir(filepath.Join(from, "d"), 0o755), os.WriteFile(filepath.Join(from, "d", "a"), []byte("text"), 0o755)); err != nil {
				t.Fatal(err)
			}
			list, err := artifact.Keep(t.Context(), s, from, []string{"d"})
			if err != nil {
				t.Fatal(err)
			}
			if err := artifact.Fetch(t.Context(), s, to, list); err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(filepath.Join(to, "d", "a")); string(b) != "text" || err != nil {
				t.Errorf("%q, %v", b, err)
			}
			list[0].SHA256 = strings.Repeat("0", 64)
			if err := artifact.Fetch(t.Context(), s, to, list); err == nil || err.Error() != "d/a cannot be fetched: the store does not have it" {
				t.Error(err)
			}
		})
	}
}

// TestFolder: several processes share a folder; nothing is in it but what was put.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	address := "file://" + filepath.ToSlash(dir)
	if err := open(t, address).Run("01A").Put(t.Context(), "artifacts/x", strings.NewReader("one")); err != nil {
		t.Fatal(err)
	}
	in, err := open(t, address).Run("01A").Get(t.Context(), "artifacts/x")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if got, _ := io.ReadAll(in); string(got) != "one" {
		t.Errorf("%q", got)
	}
	files, err := filepath.Glob(filepath.Join(dir, "01A", "artifacts", "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "x" {
		t.Error(files, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	broken := httptest.NewServer(&bucket{objects: map[string][]byte{}, broken: true})
	t.Cleanup(broken.Close)
	addresses(t) // the variables
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ address, want string }{
		{"/shared", `the store "/shared" is no URL: write one as file:///shared/folder or s3://bucket?region=eu-central-1`},
		{"", `the store "" is no URL: write one as file:///shared/folder or s3://bucket?region=eu-central-1`},
		{"file://no/such", "the store file://no/such cannot be opened: a path has three slashes in front of it: file:///no/such"},
		{"file:///no/such", "the store file:///no/such cannot be opened: there is no such folder"},
		{"file://" + file, "the store file://" + file + " cannot be opened: " + file + " is not a directory"},
		{"gs://bucket", "the store gs://bucket cannot be opened: there are file and s3, and not gs"},
		{"s3://other?region=any&use_path_style=true&endpoint=" + broken.URL, "the store s3://other?region=any&use_path_style=true&endpoint=" + broken.URL + " is not there, or not for you"},
		{"s3://runs?color=red", `the store s3://runs?color=red cannot be opened: *`},
	} {
		_, err := store.Open(t.Context(), c.address)
		if begin, any := strings.CutSuffix(c.want, "*"); err == nil || err.Error() != c.want && (!any || !strings.HasPrefix(err.Error(), begin)) {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	s := open(t, "s3://runs?region=any&use_path_style=true&endpoint="+broken.URL)
	err := s.Run("01A").Put(t.Context(), "x", strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}
