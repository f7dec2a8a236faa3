package web

import (
	_ "embed"
	"net/http"
)

// openAPI describes what programs may ask the desk, as OpenAPI 3.1.
//
//go:embed openapi.json
var openAPI []byte

func describe(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "application/json", openAPI)
}
