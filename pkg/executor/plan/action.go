package plan

// Action is what s does: its body without the modifiers around it.
func (s *Step) Action() Node {
	n := s.Body
	for {
		switch m := n.(type) {
		case *Shield:
			n = m.Body
		case *Needs:
			n = m.Body
		case *When:
			n = m.Body
		case *Handle:
			n = m.Body
		case *Limit:
			n = m.Body
		case *Retry:
			n = m.Body
		case *Hold:
			n = m.Body
		case *Result:
			n = m.Body
		default:
			return n
		}
	}
}
