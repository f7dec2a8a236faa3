// Package deploy holds the files of docs/deploy against the parsers of those
// who will read them: BuildKit's for the Dockerfile, with the rules of `docker
// build --check`, and Compose's for compose.yaml. No engine has to run.
//
// It is a module of its own, so that what these parsers need stays out of the
// program's go.mod. What can be said without them is tested in cmd/courant.
package deploy
