package local

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
)

// disk sees that what must not be lost with the power is on the disk in time: before work begins, all that it hangs on and
// its own begin. Syncs run behind the back of the loop, one at a time; each brings along everything that was committed before.
// Only the work itself waits for them, and that of a step which was announced while it queued does not wait either: its
// begin, as `soon`, is there already. What others did meanwhile it does not hang on; that follows within lag.
//
// Time is counted in turns of the loop.
type disk struct {
	sync      func() // nil: nothing needs to be on the disk
	soon      func([]event.Event)
	turn      int64
	safe      int64           // all up to this turn is on the disk
	going     int64           // what the sync under way brings there; 0: none is under way
	done      chan struct{}   // it has ended
	wanted    int64           // somebody waits for this turn
	overdue   time.Time       // when what has ended shall be there; zero: nothing has
	announced map[begin]int64 // the turn of each
}

// begin is the begin of an attempt: numbers of steps are not known before.
type begin struct {
	parent  int32
	order   int64
	attempt int
}

const (
	// lag bounds for how long the end of a step is not brought to the disk when nobody waits for it: so often at most does a
	// disk work for a run that needs nothing of it.
	lag = 10 * time.Millisecond
	// stock is how many begins are announced at once. More would be more that may have begun when the power is lost; with a
	// sync for every few of them the disk would be the bound again.
	stock = 32
)

func newDisk(sync func(), soon func([]event.Event)) disk {
	return disk{sync: sync, soon: soon, done: make(chan struct{}, 1), announced: map[begin]int64{}}
}

// admit decides when leaves may begin that are new among those that wait to, and announces others.
func (d *disk) admit(k *kernel.Kernel, starting []*leaf) {
	if d.sync == nil {
		return
	}
	d.turn++
	unforeseen := false
	news := false
	for _, l := range starting {
		if l.turn > 0 {
			continue
		}
		news = true
		l.turn = d.turn
		place, attempt, ok := k.Begin(l.n)
		if !ok {
			continue
		}
		b := begin{place.Parent, place.Order, attempt}
		if turn, ok := d.announced[b]; ok {
			l.turn = turn
			delete(d.announced, b)
		} else {
			unforeseen = true
		}
	}
	if news && (unforeseen || len(d.announced) <= stock/2) {
		d.announce(k.Soon(stock))
	}
}

// announce enters begins that were not announced before; of the others those that are not among them will not come any more.
func (d *disk) announce(list []event.Event) {
	announced := make(map[begin]int64, len(list))
	news := list[:0]
	for _, e := range list {
		b := begin{e.Parent, e.Order, e.Attempt}
		turn, ok := d.announced[b]
		if !ok {
			turn = d.turn
			news = append(news, e)
		}
		announced[b] = turn
	}
	d.announced = announced
	if len(news) > 0 {
		d.soon(news)
		d.wanted = d.turn
	}
}

// ended: a step's work has ended.
func (d *disk) ended(now time.Time) {
	if d.sync != nil && d.overdue.IsZero() {
		d.overdue = now.Add(lag)
	}
}

// may says whether work may begin. If not, a sync is wanted.
func (d *disk) may(l *leaf) bool {
	if d.sync == nil || l.turn <= d.safe {
		return true
	}
	d.wanted = max(d.wanted, l.turn)
	return false
}

// work begins a sync if one is due and none is under way. All of this turn was committed. It gives the time of the next one
// that is known.
func (d *disk) work(now time.Time) (next time.Time) {
	if d.sync == nil || d.going > 0 {
		return time.Time{}
	}
	if d.wanted <= d.safe && (d.overdue.IsZero() || now.Before(d.overdue)) {
		return d.overdue
	}
	d.going, d.overdue = d.turn, time.Time{}
	go func() {
		d.sync()
		d.done <- struct{}{}
	}()
	return time.Time{}
}

// synced: the sync under way has ended.
func (d *disk) synced() { d.safe, d.going = d.going, 0 }

// end waits for the sync under way. Nothing more is brought to the disk.
func (d *disk) end() {
	if d.going > 0 {
		<-d.done
		d.synced()
	}
	d.sync = nil
}
