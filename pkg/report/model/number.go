package model

import "github.com/flowrun/flowrun/pkg/executor/event"

// Where is the place of s among the others, as its events have it.
func (s *Step) Where() event.Where {
	w := event.Where{Step: s.number, Parent: -1, Order: s.order, Node: s.Def.Index}
	if s.Parent != nil {
		w.Parent = s.Parent.number
	}
	return w
}
