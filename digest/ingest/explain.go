package ingest

import "courant/digest"

type Explanation struct{}

func (c choice) explain(a digest.Article, how reading) Explanation { return Explanation{} }
