// Package workflow reads the YAML of CIs and judges the workflows of GitHub's
// kind: our own and the examples. It is for tests alone.
package workflow

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse returns the documents of a file.
func Parse(text string) (documents []any, err error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document any
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return documents, err
		}
		documents = append(documents, document)
	}
}

// Walk calls visit with every mapping of a document, in the order of the keys
// that lead there.
func Walk(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		visit(node)
		for _, key := range slices.Sorted(maps.Keys(node)) {
			Walk(node[key], visit)
		}
	case []any:
		for _, child := range node {
			Walk(child, visit)
		}
	}
}

// Careless returns a complaint for each job that lacks what every job should
// have: a time limit, permissions of its own and a concurrency group.
func Careless(workflow map[string]any) (complaints []string) {
	if permissions, ok := workflow["permissions"].(map[string]any); !ok || len(permissions) != 0 {
		complaints = append(complaints, "no permissions: {} on top")
	}
	for id, job := range workflow["jobs"].(map[string]any) {
		job := job.(map[string]any)
		if _, called := job["uses"]; called {
			continue // the called workflow has them
		}
		if job["timeout-minutes"] == nil {
			complaints = append(complaints, id+" has no timeout-minutes")
		}
		if job["permissions"] == nil {
			complaints = append(complaints, id+" does not state its permissions")
		}
		group, ok := job["concurrency"].(map[string]any)
		if !ok {
			group, ok = workflow["concurrency"].(map[string]any)
		}
		if !ok || group["group"] == nil || group["cancel-in-progress"] == nil {
			complaints = append(complaints, id+" has no concurrency group that says cancel-in-progress")
		}
	}
	return complaints
}
