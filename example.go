// Package courant carries config.example.yaml into the program, which takes
// the explanations of its keys from there. The file is authoritative for what
// a key means, the readers in cmd/courant for what it may hold.
package courant

import _ "embed"

// ExampleConfig is config.example.yaml.
//
//go:embed config.example.yaml
var ExampleConfig string
