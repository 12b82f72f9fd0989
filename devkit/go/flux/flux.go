// Package flux holds nothing: its module pins the Go types of Flux's kinds, and the program that makes their definitions of them.
package flux

import (
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)
