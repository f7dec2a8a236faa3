package main

import (
	"courant/digest"
	"courant/digest/web"
)

// signUps are the pages by which readers sign up.
func (h *house) signUps() web.SignUps {
	s := web.SignUps{Store: h.store, Budgets: h.config.LetterBudgets.budgets()}
	for _, l := range h.config.Lists {
		s.Lists = append(s.Lists, web.OpenList{Name: l.Name, Title: l.Title, Open: l.SignUp})
	}
	return s
}

// budgets are those of the config as the rows are asked by.
func (b LetterBudgets) budgets() digest.LetterBudgets {
	of := func(l Limit) digest.Budget { return digest.Budget{Messages: l.Count, Per: l.Per} }
	return digest.LetterBudgets{PerAddress: of(b.PerAddress), PerNetwork: of(b.PerNetwork), InAll: of(b.InAll)}
}
