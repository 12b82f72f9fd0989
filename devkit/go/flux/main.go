// What Flux reports of each YAML document on standard input, a line of JSON each: the word of kstatus, by which it judges whether a resource is there,
// and the rules for conditions that the resource breaks, by the two checkers that Flux tests its own controllers with.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// verdict is what is reported of one document.
type verdict struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
	// The rules broken by a status that is written while work goes on.
	InProgress []string `json:"inProgress"`
	// The rules broken by a status that is written at the end of an attempt.
	Final []string `json:"final"`
}

func main() {
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	lines := json.NewEncoder(os.Stdout)
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = judge(document, lines)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func judge(document []byte, lines *json.Encoder) error {
	text, err := yaml.ToJSON(document)
	if err != nil {
		return err
	}
	// Not straight into a map: there a generation would become a float, which kstatus refuses.
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	result, err := status.Compute(object)
	if err != nil {
		return err
	}
	negative := check.Conditions{NegativePolarity: []string{meta.ReconcilingCondition, meta.StalledCondition}}
	return lines.Encode(verdict{
		Status:     result.Status,
		Message:    result.Message,
		InProgress: broken(check.NewInProgressChecker(nil), object),
		Final:      broken(check.NewChecker(nil, &negative), object),
	})
}

// broken is what a checker finds, failures and warnings alike.
func broken(checker *check.Checker, object *unstructured.Unstructured) []string {
	checker.DisableFetch = true
	fail, warn := checker.Check(context.Background(), conditions.UnstructuredGetter(object))
	said := []string{}
	for _, found := range []error{fail, warn} {
		var all kerrors.Aggregate
		if errors.As(found, &all) {
			for _, one := range all.Errors() {
				said = append(said, one.Error())
			}
		}
	}
	return said
}
