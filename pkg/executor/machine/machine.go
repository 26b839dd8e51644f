// Package machine gives out the permits of semaphores that all runs on a machine share.
//
// A permit is a lock of the kernel on a file, so whoever dies gives it back. There is nobody who would manage anything: every
// run looks at the files by itself, and all of them know the semaphore by its name alone.
//
//	FOLDER/flowrun-semaphore-NAME.1     locked by who has the first permit; one line of JSON says who that is
//	FOLDER/flowrun-semaphore-NAME.2     ... the second
//	FOLDER/flowrun-semaphore-NAME.line  locked, shared, by the runs that wait
//
// The files stay when nobody needs them: to remove one is to take it from under somebody who has just opened it. They are empty then.
//
// # Others who may write there
//
// The folder is one in which every user may make files and nobody may remove those of others, as /tmp. Whoever may run flowrun
// can hold a permit for ever, by a workflow, or by a program that locks the file: that is what it means to share it. All else is
// refused: what is no plain file with one name, a symbolic link above all, is not touched; what a file says is only shown, and only
// when it has the form that it must have.
package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// Room is where one run takes its permits.
type Room struct {
	folder string
	self   Holder

	mu      sync.Mutex
	lines   map[string]*line
	serving sync.WaitGroup
}

// Open makes the room of a run. The folder is one that there is; "" is that of the machine.
func Open(folder, run string, process journal.Process) *Room {
	if folder == "" {
		folder = Folder()
	}
	return &Room{folder: folder, self: Holder{Run: run, Process: process}, lines: map[string]*line{}}
}

// Wait waits until nothing of the room works any more. All wishes have been given back.
func (r *Room) Wait() { r.serving.Wait() }

// Answer is what becomes of a wish: an error, or who holds all permits, in words, or that the permit is there.
type Answer struct {
	Held string
	Err  error
}

// Wish is a wish for a permit, and then the permit.
type Wish struct {
	line    *line
	permits int
	tell    func(Answer)
	gone    chan struct{}
	permit  *os.File // nil: there is none yet
}

// line is the wishes of this run for permits of one semaphore. The first one is attended to, the others wait for that.
type line struct {
	room    *Room
	name    string
	wishes  []*Wish
	serving bool
	turn    time.Time // when this run got its first permit since it last let others go first; zero: none
}

// How long a run waits between two looks, at first and at last: a look at one permit takes some microseconds.
const (
	soonest = time.Millisecond
	latest  = 50 * time.Millisecond
)

const (
	// turn is how long a run may take one permit after the other while others wait.
	turn = 500 * time.Millisecond
	// aside is how long it then takes none. It is long enough for each of the others to look.
	aside = 3 * latest / 2
	// patience is the least time between two answers of who holds the permits: each is an event of the run.
	patience = 10 * time.Second
)

// Take wants one of so many permits. tell is called from another goroutine, until the permit is there or Give was called.
func (r *Room) Take(name string, permits int, tell func(Answer)) *Wish {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lines[name]
	if l == nil {
		l = &line{room: r, name: name}
		r.lines[name] = l
	}
	w := &Wish{line: l, permits: permits, tell: tell, gone: make(chan struct{})}
	l.wishes = append(l.wishes, w)
	if !l.serving {
		l.serving = true
		r.serving.Go(l.serve)
	}
	return w
}

// Give gives the permit back, or takes the wish back.
func (w *Wish) Give() {
	r := w.line.room
	r.mu.Lock()
	defer r.mu.Unlock()
	close(w.gone)
	if w.permit != nil {
		release(w.permit)
		w.permit = nil
	}
}

// serve attends to one wish after the other.
func (l *line) serve() {
	for w := l.next(); w != nil; w = l.next() {
		f, err := l.attend(w)
		if l.settle(w, f) {
			w.tell(Answer{Err: err})
		}
	}
}

// next takes the first wish out of the line.
func (l *line) next() (w *Wish) {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	if len(l.wishes) == 0 {
		l.serving = false
		return nil
	}
	w, l.wishes = l.wishes[0], l.wishes[1:]
	return w
}

// settle says whether somebody still wants the wish, and gives it its permit.
func (l *line) settle(w *Wish, f *os.File) bool {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	select {
	case <-w.gone:
		if f != nil {
			release(f)
		}
		return false
	default:
		w.permit = f
		return true
	}
}

// attend waits for a permit. It gives nothing when the wish was taken back.
func (l *line) attend(w *Wish) (*os.File, error) {
	if l.over() && !w.sleep(aside) {
		return nil, nil
	}
	var waiting *os.File // while it is open the others see that somebody waits
	defer func() {
		if waiting != nil {
			leave(waiting)
		}
	}()
	var told string
	var at time.Time
	for pause := soonest; ; pause = min(2*pause, latest) {
		began := time.Now()
		f, holders, err := l.look(w.permits)
		if f != nil || err != nil {
			return f, err
		}
		if waiting == nil {
			if waiting, err = l.join(); err != nil {
				return nil, err
			}
		}
		if text := words(holders, began); text != told && began.Sub(at) >= patience {
			told, at = text, began
			w.tell(Answer{Held: text})
		}
		// A hundred permits take a while to look at, and that must not be all that is done.
		// Runs that look in step with each other, or with who gives permits back, would have luck always, or never.
		if !w.sleep(max(pause/2+rand.N(pause/2), 50*time.Since(began))) {
			return nil, nil
		}
	}
}

// sleep says whether the wish is still one after a pause.
func (w *Wish) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.gone:
		return false
	case <-t.C:
		return true
	}
}

// over says whether this run has had its turn, and others wait.
func (l *line) over() bool {
	if l.turn.IsZero() || time.Since(l.turn) < turn {
		return false
	}
	l.turn = time.Time{}
	f, err := open(l.path("line"))
	if err != nil {
		return false
	}
	defer leave(f)
	free, err := lock(f, true)
	return err == nil && !free
}

// join stands in the line of runs that wait. Who looks whether there is one has the lock for a moment; then it is nil.
func (l *line) join() (*os.File, error) {
	f, err := open(l.path("line"))
	if err != nil {
		return nil, err
	}
	if ok, err := lock(f, false); !ok || err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// look takes the first permit that is free. If none is, it says who has them.
func (l *line) look(permits int) (*os.File, []Holder, error) {
	var holders []Holder
	for i := 1; i <= permits; i++ {
		f, ours, err := take(l.path(strconv.Itoa(i)))
		if err != nil {
			return nil, nil, err
		}
		h, said := read(f)
		if ours && !(said && h.Process.Tidying()) { // the last one gave it back, or has died, and nothing of it is left
			if l.turn.IsZero() {
				l.turn = time.Now()
			}
			l.room.self.write(f, time.Now())
			return f, nil, nil
		}
		if said && h.Run != l.room.self.Run {
			holders = append(holders, h)
		}
		leave(f)
	}
	return nil, holders, nil
}

// take tries to lock a file, and gives it in any case. Who cleans up the folder may have removed it meanwhile: then it is
// another one.
func take(path string) (f *os.File, ours bool, err error) {
	for range 100 {
		if f, err = open(path); err != nil {
			return nil, false, err
		}
		if ours, err = lock(f, true); err != nil {
			f.Close()
			return nil, false, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		if there, err := os.Lstat(path); !ours || err == nil && is(f, there) {
			return f, ours, nil
		}
		leave(f)
	}
	return nil, false, fmt.Errorf("%s: somebody removes it again and again", path)
}

func is(f *os.File, info os.FileInfo) bool {
	own, err := f.Stat()
	return err == nil && os.SameFile(own, info)
}

// release gives a permit back.
func release(f *os.File) {
	_ = f.Truncate(0)
	leave(f)
}

// leave gives up the lock of a file, if it is ours, and the file. A process that is just being started has a copy of it, so
// that closing it were not enough.
func leave(f *os.File) {
	_ = unlock(f)
	_ = f.Close()
}

// errKind is for what is there in place of a file.
var errKind = errors.New("something else is there, and no plain file: remove it, or have who owns it remove it")

// prefix begins the name of each file.
const prefix = "flowrun-semaphore-"

// path is the file of a semaphore. Other files of it end in another part, which no name of a semaphore can add.
func (l *line) path(part string) string {
	return filepath.Join(l.room.folder, prefix+fileName(l.name)+"."+part)
}

// longest is how long a name may be in the name of its file.
const longest = 100

// fileName is a name that is its own on every system: capitals are written as %XX, since some do not tell them from
// small letters, and so is everything else that is not plain. A long one ends in a checksum.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() <= longest {
		return b.String()
	}
	sum := sha256.Sum256([]byte(name))
	return b.String()[:longest] + "%" + hex.EncodeToString(sum[:8])
}
